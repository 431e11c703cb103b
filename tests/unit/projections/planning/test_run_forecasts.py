"""Forecasts of a run: its calendar and its scenario hold for them as for everything else."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from api.schemas.planning import check_run, resolve
from projections.planning.days import Days
from projections.planning.parameters import day_text
from projections.planning.run_forecasts import forecast_rows

MONDAY = 18_267  # 2020-01-06
WEEKS = 12
UNTIL = MONDAY + 7 * WEEKS
QUICK = {"bucket": "day", "horizon": 7, "models": ["naive", "ses"], "levels": ["0.8"]}


def _days(sold: dict[int, int]) -> Days:
    """One SKU with stock for ever, received on the first day; `sold` by day."""
    rows = sorted({MONDAY: 0} | sold)
    issued = np.array([sold.get(day, 0) for day in rows], np.int64)
    received = np.array([10**9] + [0] * (len(rows) - 1))
    return Days(
        ["A"], [""], np.zeros(1, np.int8), np.array([0, len(rows)]), np.array(rows, np.int32),
        {"issued": issued, "available_net": received - issued, "unmet": np.zeros(len(rows), int)},
    )  # fmt: skip


def _week(day: int) -> int:
    """10 or 20 sold from Monday to Friday, by turns of weeks; nothing at weekends."""
    weekday = (day - MONDAY) % 7
    return 0 if weekday > 4 else 10 + 10 * ((day - MONDAY) // 7 % 2)


SOLD = {day: quantity for day in range(MONDAY, UNTIL) if (quantity := _week(day))}


def _forecast(sold: dict[int, int], **request: Any) -> dict[str, Any]:
    wanted = check_run({"as_of": day_text(UNTIL - 1), "forecast": QUICK, **request})
    ((_, _, model, reason, document),) = forecast_rows(
        _days(sold), ["A"], resolve(wanted, today=UNTIL, positions=None)
    )
    return {"model": model, "reason": reason, **json.loads(document)}


def _numbers(found: dict[str, Any]) -> list[list[Decimal]]:
    """Forecast, lower and upper bound of each bucket ahead."""
    return [
        [Decimal(one["forecast"]), *(Decimal(one["intervals"][0][n]) for n in ("lower", "upper"))]
        for one in found["points"]
    ]


CLOSED_DATES = [day_text(MONDAY + day) for day in range(7 * (WEEKS + 2)) if day % 7 > 4]


@pytest.mark.parametrize(
    "calendar",
    [{"closed_weekdays": ["saturday", "sunday"]}, {"closed_dates": CLOSED_DATES}],
    ids=["weekdays", "dates"],
)
def test_a_closed_day_is_no_day_without_demand(calendar: dict[str, Any]) -> None:
    """It neither lowers the level of the others, nor is it scored, nor is anything forecast for it.

    What was last is the 20 of Friday, and not the nothing of Sunday.
    """
    naive = {**QUICK, "models": ["naive"], "origins": 1}
    assert [one[0] for one in _numbers(_forecast(SOLD, forecast=naive))] == [0] * 7
    found = _forecast(SOLD, forecast=naive, demand=calendar)
    points = _numbers(found)
    assert [one[0] for one in points] == [20] * 5 + [0] * 2
    assert points[5:] == [[0, 0, 0]] * 2
    assert found["past_errors"] == 5 * WEEKS - 1
    # The backtest forecasts 10 for the last week, of which five days had 20.
    assert Decimal(found["scores"][0]["bias"]) == -10


def test_no_two_open_days_in_a_row_have_a_scale_all_the_same() -> None:
    """Errors are measured by the changes from one known bucket to the next known one."""
    sold = {day: 5 + day % 3 for day in range(MONDAY, UNTIL) if (day - MONDAY) % 7 in (0, 2, 4)}
    closed = ["tuesday", "thursday", "saturday", "sunday"]
    scores = _forecast(sold, demand={"closed_weekdays": closed})["scores"]
    assert all(one["mase"] is not None for one in scores)


def test_a_closed_day_with_demand_was_open_after_all() -> None:
    """One Saturday something was sold; the Saturdays ahead stay closed."""
    saturday = UNTIL - 2
    sold = dict.fromkeys(SOLD, 10)
    plain = _forecast(sold, demand={"closed_weekdays": ["saturday", "sunday"]})
    assert plain["reason"] == "constant"
    found = _forecast(sold | {saturday: 90}, demand={"closed_weekdays": ["saturday", "sunday"]})
    assert found["reason"] == "backtest"
    assert _numbers(found)[5:] == [[0, 0, 0]] * 2


def test_a_scenario_of_demand_scales_forecasts_and_bounds_and_no_score() -> None:
    plain = _forecast(SOLD)
    for percent, factor in (("50", "1.5"), ("-100", "0"), ("-12.5", "0.875")):
        found = _forecast(SOLD, what_if={"demand_percent": percent})
        for ours, theirs in zip(_numbers(found), _numbers(plain), strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert abs(one - other * Decimal(factor)) <= Decimal("0.000001")
        assert found["scores"] == plain["scores"]
        assert found["constants"] == plain["constants"]
    assert _forecast(SOLD, what_if={"late_days": 3}) == plain


def test_the_plain_calendar_changes_nothing() -> None:
    """Nor does a date that is closed before everything."""
    assert _forecast(SOLD, demand={"closed_dates": ["2019-01-01"]}) == _forecast(SOLD)
