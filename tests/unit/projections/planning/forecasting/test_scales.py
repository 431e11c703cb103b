"""What errors are measured by: changes between buckets that are known, whatever lies between."""

import pytest

from projections.planning.forecasting.backtest import Plan
from projections.planning.forecasting.history import Panel
from projections.planning.forecasting.scores import plan_trials
from tests.unit.projections.planning.forecasting.series import history

PLAN = Plan(horizon=2, season=1, origins=(10, 12), quantiles=(), clip_at_zero=True)


@pytest.mark.parametrize(
    ("unknown", "scale"),
    [
        ((), 2.0),
        # From 10 over the gap to 10 nothing changes, and seven times it does.
        ((5,), 14 / 8),
        # From 12 over both to 10.
        ((5, 6), 2.0),
        # In front of the first one that is known there is nothing to change from.
        ((0,), 2.0),
    ],
)
def test_the_scale_over_a_gap(unknown: tuple[int, ...], scale: float) -> None:
    """10, 12, 10, … in fourteen buckets, of which the first ten are learnt from."""
    row = [None if one in unknown else (12.0 if one % 2 else 10.0) for one in range(14)]
    trials = plan_trials(Panel(history([row])), PLAN)
    assert trials.first_origin.tolist() == [10]
    assert trials.scale.tolist() == [scale]
    assert trials.square_scale.tolist() == [2 * scale]
    assert trials.scaled.tolist() == [True]
