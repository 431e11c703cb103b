"""What is asked of a run is taken as it is written: nothing is made of something else."""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from api.schemas.planning import RunRequest, check_run, decode_run, resolve
from projections.planning.parameters import WEEKDAYS, InvalidParameters, digest_of

TODAY = 20_500


def _decoded(values: dict[str, Any]) -> RunRequest:
    return decode_run(json.dumps(values).encode())


READERS = pytest.mark.parametrize("read", [check_run, _decoded], ids=["file", "body"])


@READERS
@pytest.mark.parametrize("value", [True, "365", 365.0, 1e2])
@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("demand", "window_days"), ("reviews", "count"), ("reviews", "days"),
        ("velocity", "dead_days"), ("velocity", "new_days"), ("forecast", "buckets_max"),
        ("forecast", "horizon"), ("forecast", "season"), ("forecast", "origins"),
        ("forecast", "step"), ("health", "demand_days"), ("health", "excess_cover_days"),
        ("health", "slow_cover_days"), ("policies", "replicates"),
        ("lead_times", "observations_min"), ("", "seed"),
    ],
)  # fmt: skip
def test_whole_numbers(
    part: str, field: str, value: Any, read: Callable[[dict[str, Any]], RunRequest]
) -> None:
    """Neither texts nor true, nor numbers with a point."""
    with pytest.raises(InvalidParameters, match="expected a whole number") as caught:
        read({part: {field: value}} if part else {field: value})
    assert caught.value.field == (f"{part}.{field}" if part else field)


@READERS
@pytest.mark.parametrize("value", [0, 1, "yes", "false"])
@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("", "each_site"), ("", "publish"), ("demand", "count_unmet"), ("forecast", "enabled"),
        ("health", "enabled"), ("policies", "empirical"), ("policies", "order_dead"),
    ],
)  # fmt: skip
def test_true_and_false(
    part: str, field: str, value: Any, read: Callable[[dict[str, Any]], RunRequest]
) -> None:
    """Neither numbers nor words."""
    with pytest.raises(InvalidParameters, match="expected true or false"):
        read({part: {field: value}} if part else {field: value})


@pytest.mark.parametrize(
    "day", [86_400, True, "86400", "2026-01-01T00:00:00", "20260101", "2026-1-1", "2026-02-30", ""]
)
def test_dates(day: Any) -> None:
    """Nothing but a day such as 2026-11-22."""
    with pytest.raises(InvalidParameters, match="expected a day such as 2026-11-22") as caught:
        _decoded({"demand": {"closed_dates": ["2026-01-01", day]}})
    assert caught.value.field == "demand.closed_dates.1"


def test_dates_of_a_file() -> None:
    """TOML has days of its own; an instant is none."""
    read = check_run({"demand": {"closed_dates": [date(2026, 1, 1), "2026-01-02"]}})
    assert read.demand.closed_dates == {date(2026, 1, 1), date(2026, 1, 2)}
    with pytest.raises(InvalidParameters, match="expected a day such as 2026-11-22"):
        check_run({"demand": {"closed_dates": [datetime(2026, 1, 1)]}})  # noqa: DTZ001


@READERS
@pytest.mark.parametrize(
    ("field", "twice", "what"),
    [
        ("demand.closed_weekdays", ["sunday", "monday", "sunday"], "weekday"),
        ("demand.closed_dates", ["2026-01-01", "2026-01-01"], "date"),
        ("forecast.classes", ["A", "A"], "class"),
        ("forecast.levels", ["0.8", 0.8], "level"),
        ("forecast.models", ["ses", "ses"], "model"),
    ],
)
def test_nothing_is_named_twice(
    field: str, twice: list[Any], what: str, read: Callable[[dict[str, Any]], RunRequest]
) -> None:
    """Whoever says a thing twice may have meant another."""
    part, name = field.split(".")
    with pytest.raises(InvalidParameters, match=f"no {what} is named twice") as caught:
        read({part: {name: twice}})
    assert caught.value.field == field


def test_a_date_of_a_file_and_its_text() -> None:
    """Are the same day."""
    with pytest.raises(InvalidParameters, match="no date is named twice"):
        check_run({"demand": {"closed_dates": [date(2026, 1, 1), "2026-01-01"]}})


@READERS
@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        (
            {"what_if": {"late_days": 1, "late_supplier": ""}}, "what_if.late_supplier",
            "a supplier's code has 1 to 100 printable characters",
        ),
        ({"policies": {"level": "0.9999999"}}, "policies.level", None),
        ({"policies": {"level": 1}}, "policies.level", "it is at most 0.999999"),
        ({"policies": {"level": 0.4}}, "policies.level", "it is at least 0.5"),
        ({"costs": {"carrying_rate": 0}}, "costs.carrying_rate", "it is more than 0"),
        ({"seed": 2**63}, "seed", f"it is less than {2**63}"),
        (
            {"demand": {"closed_weekdays": list(WEEKDAYS)}}, "demand.closed_weekdays",
            "it has at most 6 items",
        ),
        ({"xyz": {"limits": ["0.1", "0.5", "1"]}}, "xyz.limits", "it has at most 2 items"),
        ({"abc": {"shares": ["100"]}}, "abc.shares", "it has at least 2 items"),
        ({"forecast": {"classes": []}}, "forecast.classes", "it has at least 1 item"),
        ({"position": "3"}, "position", "expected a position such as 3:17"),
        (
            {"policies": {"skus": {"A": {"minimum": "x"}}}}, "policies.skus.A.minimum",
            'expected a decimal number such as "6" or "1.25"',
        ),
        ({"site": ""}, "site", "it has at least 1 character"),
        ({"site": "x" * 201}, "site", "it has at most 200 characters"),
        ({"site": 5}, "site", "expected a text"),
        ({"policies": {"cells": {"AQ": {}}}}, "policies.cells.AQ", "expected a cell such as AX"),
        ({"policies": {"cells": []}}, "policies.cells", "expected an object"),
        ({"policies": None}, "policies", "expected an object"),
        ({"demand": {"windows": 1}}, "demand.windows", "there is no such field"),
        ({"demand": {"bucket": "hour"}}, "demand.bucket", "expected 'day', 'week' or 'month'"),
        ({"demand": {"closed_dates": 5}}, "demand.closed_dates", "expected a list"),
        ({"forecast": {"levels": {}}}, "forecast.levels", "expected a list"),
        ({"xyz": {"limits": 5}}, "xyz.limits", "expected a list"),
        ({"xyz": {"limits": [1]}}, "xyz.limits.1", "it is missing"),
        ({"policies": {"level": []}}, "policies.level", "expected a number"),
        ({"policies": {"level": "x"}}, "policies.level", "expected a number"),
        ({"policies": {"level": "NaN"}}, "policies.level", "expected a finite number"),
        ({"policies": {"cover_days": "0.1234567"}}, "policies.cover_days",
         "it has at most 6 decimal places"),
        ({"policies": {"cover_days": "1234567890123"}}, "policies.cover_days",
         "it has at most 12 digits"),
        ({"policies": {"cover_days": "1234567"}}, "policies.cover_days",
         "it has at most 6 digits before the point"),
        ({"policies": {"cover_days": 3651}}, "policies.cover_days", "it is at most 3650"),
    ],
)  # fmt: skip
def test_sentences(
    values: dict[str, Any], field: str, says: str | None,
    read: Callable[[dict[str, Any]], RunRequest],
) -> None:  # fmt: skip
    """In words of whoever asks, and of no programming language."""
    with pytest.raises(InvalidParameters) as caught:
        read(values)
    assert caught.value.field == field
    if says is not None:
        assert caught.value.detail == says
    for word in ("Decimal", "pattern", "Tuple", "Set ", "String", "nput", "valid"):
        assert word not in caught.value.detail


@pytest.mark.parametrize("zero", ["-0", "-0.0", "0.00", -0.0, 0])
def test_zero_has_no_sign(zero: Any) -> None:
    """The same value has the same text, and so the same digest."""
    found = resolve(_decoded({"what_if": {"demand_percent": zero}}), today=TODAY, positions=None)
    assert found.what_if.demand_percent == "0"
    assert digest_of(found) == digest_of(resolve(RunRequest(), today=TODAY, positions=None))


def test_what_is_stored_is_read_again() -> None:
    """A file as it was dumped, with a calendar."""
    first = _decoded({"as_of": "2026-01-05", "demand": {"closed_dates": ["2026-01-01"]}})
    assert check_run(first.model_dump(mode="json")) == first
