"""What was lost by reason, in buckets of time."""

import numpy as np

from projections.planning.health.losses import losses_by_reason
from projections.planning.health.parameters import HealthParameters
from projections.planning.reason_reading import Reasons

MONDAY = 14_949
PARAMETERS = HealthParameters(MONDAY, MONDAY + 13, "week", demand_days=7)


def _reasons(*rows: tuple[str, str, int, int, int]) -> Reasons:
    count = len(rows)
    return Reasons(
        ["A"] * count,
        ["N"] * count,
        [row[0] for row in rows],
        [row[1] for row in rows],
        np.zeros(count, np.int8),
        np.array([row[2] for row in rows], np.int32),
        {
            "lines": np.ones(count, np.int64),
            "lost_value": np.array([row[3] for row in rows], np.int64),
            "found_value": np.array([row[4] for row in rows], np.int64),
        },
    )


def test_losses_are_summed_by_reason_and_week() -> None:
    """What lies outside of the window is not there; sums may leave 64 bits."""
    most = 2**63 - 1
    found = losses_by_reason(
        _reasons(
            ("scrap", "expired", MONDAY, most, 0),
            ("scrap", "expired", MONDAY + 6, most, 0),
            ("scrap", "expired", MONDAY + 7, 5, 0),
            ("adjustment", "lost", MONDAY + 1, 7, 0),
            ("adjustment", "lost", MONDAY + 2, 0, 4),
            ("adjustment", "stolen", MONDAY - 1, 7, 0),
            ("adjustment", "stolen", MONDAY + 14, 7, 0),
        ),
        PARAMETERS,
    )
    lost, scrapped = found
    assert (lost.type, lost.reason) == ("adjustment", "lost")
    assert lost.amounts == {"lines": [2, 0], "lost_value": [7, 0], "found_value": [4, 0]}
    assert (scrapped.type, scrapped.reason) == ("scrap", "expired")
    assert scrapped.amounts["lost_value"] == [2 * most, 5]
    assert scrapped.amounts["lines"] == [2, 1]


def test_nothing_lost_is_no_reason() -> None:
    """No rows, no list."""
    assert losses_by_reason(_reasons(), PARAMETERS) == []
