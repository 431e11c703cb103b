"""The day of a planning run, from what was asked for."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from api.schemas.planning import check_run, decode_run, resolve
from projections.planning.parameters import InvalidParameters

TODAY = 20_000  # 2024-10-04


@pytest.mark.parametrize(
    ("as_of", "day"),
    [
        ("2024-10-01", "2024-10-01"),
        ("2024-10-01T10:00:00Z", "2024-10-01"),
        ("2024-10-01T23:30:00-02:00", "2024-10-02"),
        ("2024-10-01T00:00:00+02:00", "2024-09-30"),
        ("2024-10-01T00:00:00Z", "2024-10-01"),
        ("1900-01-01", "1900-01-01"),
        (date(2024, 10, 1), "2024-10-01"),
        (datetime(2024, 10, 1, tzinfo=UTC), "2024-10-01"),
        (datetime(2024, 10, 1, tzinfo=timezone(timedelta(hours=2))), "2024-09-30"),
    ],
)
def test_the_day_is_by_utc(as_of: Any, day: str) -> None:
    """Also of an instant that is midnight elsewhere."""
    assert resolve(check_run({"as_of": as_of}), today=TODAY, positions=None).as_of == day


@pytest.mark.parametrize(
    "as_of",
    [
        "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:01+14:00", "2024-10-01T10:00:00",
        "2024-02-30", "", "never", "2024-10-01T25:00:00Z", "x" * 5_000,
        "20000", "86400", "1700000000000", "20241001", "2024-W40-2", "2024-1-1", "0000-01-01",
        "2024-10-01T00:00:00", "2024-10-01Z", "\uff12\uff10\uff12\uff14-10-01",
    ],
)  # fmt: skip
def test_what_is_no_day(as_of: str) -> None:
    """It is said, whatever it is."""
    with pytest.raises(InvalidParameters, match="as_of") as caught:
        decode_run(b'{"as_of":"%s"}' % as_of.encode())
    assert caught.value.field == "as_of"


@pytest.mark.parametrize("as_of", [20_000, 20_000.5, True, [], datetime(2024, 10, 1)])  # noqa: DTZ001
def test_what_is_neither_a_day_nor_an_instant(as_of: Any) -> None:
    """A number, and an instant of nobody knows where."""
    with pytest.raises(InvalidParameters, match="a day such as 2026-11-22") as caught:
        check_run({"as_of": as_of})
    assert caught.value.field == "as_of"


@pytest.mark.parametrize("as_of", ["0001-06-01", "1899-12-31", "1900-01-01T00:30:00+01:00"])
def test_a_day_before_all_ledgers(as_of: str) -> None:
    """Windows and reviews before it would leave the calendar, and the run would fail."""
    with pytest.raises(InvalidParameters, match="as_of: 1900-01-01 or later") as caught:
        decode_run(b'{"as_of":"%s"}' % as_of.encode())
    assert caught.value.field == "as_of"
