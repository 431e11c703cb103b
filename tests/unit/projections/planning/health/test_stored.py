"""The rows that a run keeps: totals, sites, classes and reasons, each in every bucket."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from projections.planning.days import Integers
from projections.planning.health.parameters import HealthParameters
from projections.planning.health.stored import HealthRow, health_rows
from tests.unit.projections.planning.health.story import Event, columns, history

MONDAY = 14_949
EURO = 1_000_000
PARAMETERS = HealthParameters(MONDAY, MONDAY + 13, "week", demand_days=7)


@dataclass(frozen=True)
class Reasons:
    """Rows of losses as the demand view gives them."""

    type: list[str]
    reason: list[str]
    day: npt.NDArray[np.int32]
    columns: dict[str, Integers]


def _reasons(*rows: tuple[str, str, int, int, int]) -> Reasons:
    return Reasons(
        [row[0] for row in rows],
        [row[1] for row in rows],
        np.array([row[2] for row in rows], np.int32),
        {
            "lines": np.ones(len(rows), np.int64),
            "lost_value": np.array([row[3] for row in rows], np.int64),
            "found_value": np.array([row[4] for row in rows], np.int64),
        },
    )


def _find(rows: list[HealthRow], kind: str, name: str) -> list[dict[str, Any]]:
    found = [row for row in rows if (row.kind, row.name) == (kind, name)]
    assert [row.first_day for row in found] == [MONDAY, MONDAY + 7]
    assert [row.last_day for row in found] == [MONDAY + 6, MONDAY + 13]
    return [json.loads(row.figures) for row in found]


def test_every_group_has_its_rows() -> None:
    """Sites, classes and the total of three series, over two weeks."""
    days = columns(
        history(
            [
                Event(("A", "N"), MONDAY, "received", 10, 10 * EURO),
                Event(("A", "S"), MONDAY, "received", 10, 30 * EURO),
                Event(("A", "N"), MONDAY + 7, "issued", 8, 16 * EURO),
                Event(("B", "N"), MONDAY, "received", 5, 5 * EURO),
            ]
        ),
        {"B": 2},
    )
    classes = {"A": np.array([0, 1]), "B": np.array([], np.int64)}
    rows = health_rows(days, _reasons(), PARAMETERS, classes)
    assert rows == sorted(rows)
    assert {(row.kind, row.name) for row in rows} == {
        ("site", "N"), ("site", "S"), ("class", "A"), ("class", "B"), ("total", ""),
    }  # fmt: skip
    assert [week["value"] for week in _find(rows, "site", "N")] == [25 * EURO, 9 * EURO]
    assert [week["value"] for week in _find(rows, "site", "S")] == [20 * EURO, 20 * EURO]
    assert [week["value"] for week in _find(rows, "class", "A")] == [40 * EURO, 24 * EURO]
    assert [week["value"] for week in _find(rows, "total", "")] == [45 * EURO, 29 * EURO]
    # 20 of A and 5 hundredths of B, at six decimals.
    assert _find(rows, "total", "")[0]["on_hand"] == 20_050_000
    empty = _find(rows, "class", "B")[0]
    assert empty["turnover"] is None
    assert empty["why"]["turnover"] == "no_stock_value"


def test_without_sites_none_are_listed() -> None:
    """Series of all sites together have a total and classes."""
    days = columns(history([Event(("A", ""), MONDAY, "received", 1, 1)]), {})
    rows = health_rows(days, _reasons(), PARAMETERS, {})
    assert {row.kind for row in rows} == {"total"}


def test_losses_are_summed_by_reason_and_week() -> None:
    """What lies outside of the window is not there; sums may leave 64 bits."""
    reasons = _reasons(
        ("scrap", "expired", MONDAY, 2**63 - 1, 0),
        ("scrap", "expired", MONDAY + 6, 2**63 - 1, 0),
        ("scrap", "expired", MONDAY + 7, 5, 0),
        ("adjustment", "lost", MONDAY + 1, 7, 0),
        ("adjustment", "lost", MONDAY + 2, 0, 4),
        ("adjustment", "stolen", MONDAY - 1, 7, 0),
        ("adjustment", "stolen", MONDAY + 14, 7, 0),
    )
    rows = health_rows(columns({}, {}), reasons, PARAMETERS, {})
    assert {row.name for row in rows} == {"", "scrap/expired", "adjustment/lost"}
    scrapped = _find(rows, "reason", "scrap/expired")
    assert [week["lost_value"] for week in scrapped] == [2**64 - 2, 5]
    assert [week["lines"] for week in scrapped] == [2, 1]
    lost = _find(rows, "reason", "adjustment/lost")
    assert [(week["lost_value"], week["found_value"]) for week in lost] == [(7, 4), (0, 0)]
