"""The forms of names and instants."""

import sys
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import codes
from ledger.domain.movements import normalise
from ledger.domain.rejections import Rejected
from tests.builders import receipt

CHECKS: dict[str, tuple[Callable[[str], Rejected | None], int]] = {
    "invalid_id": (codes.check_id, codes.ID_LENGTH_MAX),
    "invalid_sku": (codes.check_sku, codes.SKU_LENGTH_MAX),
    "invalid_location": (codes.check_location, codes.LOCATION_LENGTH_MAX),
    "invalid_lot": (codes.check_lot, codes.LOT_LENGTH_MAX),
}
# Planes 15 and 16 are for private use.
PLANES = range(0, 0x110000, 0x10000)
ODD = [
    "",
    " ",
    " a",
    "a ",
    "a\nb",
    "a\x00",
    "a\x1fb",
    "a\x7f",
    "a\u00a0b",
    "\ud800",
    "a\u2028",
    "\u202ea",
    "a\ufeff",
    "a\U000e0001b",
    "\ue000",
    "\uffff",
    "a\U0001fffe",
]


@pytest.mark.parametrize("code", CHECKS)
@pytest.mark.parametrize("name", ["a", "85123A", "A B", "é", "日本", "a'b\"c\\d", "sscc:00123"])
def test_good_names(code: str, name: str) -> None:
    """Printable characters of any script, blanks inside."""
    assert CHECKS[code][0](name) is None


def test_what_is_printable_does_not_depend_on_the_interpreter() -> None:
    """All that this one knows is judged as it does; what it does not know may be a character of a
    later version of Unicode, with which somebody else recorded it."""
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        if unicodedata.category(character) != "Cn":
            assert codes.printable(character) == character.isprintable(), f"{number:x}"
        else:
            assert codes.printable(character) == (number not in NEVER_SEEN), f"{number:x}"


# What will never be a character (Unicode, section 23.7), and formats of Unicode 15.
NEVER_SEEN = {
    *range(0xFDD0, 0xFDF0),
    *(plane + number for plane in PLANES for number in (0xFFFE, 0xFFFF)),
    *range(0x13439, 0x13440),
}


@pytest.mark.parametrize("code", CHECKS)
@pytest.mark.parametrize("name", ODD)
def test_odd_names(code: str, name: str) -> None:
    """Nothing, blanks at an end, control characters, invisible ones, halves of characters."""
    refusal = CHECKS[code][0](name)
    assert refusal is not None
    assert (refusal.code, refusal.needs_state) == (code, False)


@pytest.mark.parametrize("code", CHECKS)
def test_lengths(code: str) -> None:
    """The longest is taken, one more is not, and 10 kB are not."""
    check, most = CHECKS[code]
    assert check("a" * most) is None
    assert check("a" * (most + 1)) is not None
    assert check("a" * 10_000) is not None


@pytest.mark.parametrize("path", ["@customer", "@", "A//B", "/A", "A/", "/", "A/ B", "A /B"])
def test_odd_paths(path: str) -> None:
    """A location is no virtual account; no segment is empty or begins or ends with a blank."""
    assert codes.check_location(path) is not None


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
        ("2026-11-22t10:00:00z", "2026-11-22T10:00:00Z"),
        ("2026-11-22 10:00:00Z", "2026-11-22T10:00:00Z"),
        ("2026-11-22T12:00:00+02:00", "2026-11-22T10:00:00Z"),
        ("2026-11-22T10:00:00-00:00", "2026-11-22T10:00:00Z"),
        ("2026-11-22T10:00:00.500000Z", "2026-11-22T10:00:00.5Z"),
        ("2026-11-22T10:00:00.000001Z", "2026-11-22T10:00:00.000001Z"),
        ("2028-02-29T23:59:59Z", "2028-02-29T23:59:59Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_an_instant_has_one_canonical_text(text: str, canonical: str) -> None:
    """Whatever its zone and spelling."""
    microseconds = codes.instant(text)
    assert isinstance(microseconds, int)
    assert codes.instant_text(microseconds) == canonical
    assert codes.moment(text) == (microseconds, canonical)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22T10:00Z", "20261122T100000Z",
     "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-22T25:00:00Z",
     "2026-11-22T24:00:00Z", "2026-11-22T23:59:60Z", "2026-11-22T10:00:00.1234567Z",
     "2026-11-22T10:00:00+25:00",
     "2026-W47-7T10:00:00Z", "٢٠٢٦-11-22T10:00:00Z", "2026-11-22T10:00:00Z\n", "1790000000",
     "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"],
)  # fmt: skip
def test_what_is_no_instant(text: str) -> None:
    """No zone, no such day, more digits than are kept, and what an offset leads out of time."""
    refusal = codes.instant(text)
    assert isinstance(refusal, Rejected)
    assert refusal.code == "invalid_time"
    command = receipt(occurred_at=text)
    normalise(command)
    assert command.occurred_at == text


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_instants_survive_as_text(microseconds: int) -> None:
    """All of the calendar, to the microsecond."""
    assert codes.instant(codes.instant_text(microseconds)) == microseconds
