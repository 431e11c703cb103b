"""The forms of names: ids, SKUs, locations, lots, statuses, reasons, instants.

Every check returns None if the form is good, else the refusal. They are cached, because the same
few thousand names come again and again.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ledger.domain.memo import remembered
from ledger.domain.rejections import Rejected, malformed

ID_LENGTH_MAX = 128
SKU_LENGTH_MAX = 100
LOCATION_LENGTH_MAX = 200
LOT_LENGTH_MAX = 100
TEXT_LENGTH_MAX = 500

STATUSES = frozenset({"available", "quarantined", "on_hold", "damaged", "recalled", "expired"})
REASONS = frozenset(
    {
        "found",
        "lost",
        "stolen",
        "damaged",
        "expired",
        "obsolete",
        "data_entry",
        "sample",
        "internal_use",
        "quality",
        "opening_balance",
        "other",
    }
)
DISPOSITIONS = frozenset({"restock", "quarantine", "refurbish", "scrap"})

# What is no character to see, by Unicode 16: controls, formats, surrogates, private use, what is no
# character at all, and every blank but the space. A later version knows more characters. Whether a
# name is good must not depend on the version that an interpreter has, since others read it.
_UNPRINTABLE = re.compile(
    "[\0-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e"
    "\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u206f\u3000\ud800-\uf8ff\ufdd0-\ufdef\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000f0000-\U0010ffff"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0xF0000, 0x10000)
    )
    + "]"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = slice(11, 13)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def printable(text: str) -> bool:
    """Whether all of a text can be seen, or is a space; the same on every version of Python."""
    # What this interpreter knows is decided at once.
    return text.isprintable() or _UNPRINTABLE.search(text) is None


def check_id(text: str) -> Rejected | None:
    """An id has 1 to 128 printable characters."""
    if (
        text
        and len(text) <= ID_LENGTH_MAX
        and printable(text)
        # The only printable blank.
        and text[0] != " "
        and text[-1] != " "
    ):
        return None
    return malformed("invalid_id", f"an id has 1 to {ID_LENGTH_MAX} printable characters")


@remembered
def check_sku(text: str) -> Rejected | None:
    """A SKU has 1 to 100 printable characters and neither starts nor ends with a blank."""
    if 0 < len(text) <= SKU_LENGTH_MAX and printable(text) and text == text.strip():
        return None
    return malformed("invalid_sku", f"a SKU has 1 to {SKU_LENGTH_MAX} printable characters")


@remembered
def check_location(text: str) -> Rejected | None:
    """A location is a path such as MAIN/A/01: printable, no empty segment, no @ in front."""
    good = (
        0 < len(text) <= LOCATION_LENGTH_MAX
        and printable(text)
        and text[0] != "@"
        and all(part and part == part.strip() for part in text.split("/"))
    )
    if good:
        return None
    return malformed(
        "invalid_location",
        f"a location is a path such as MAIN/A/01, at most {LOCATION_LENGTH_MAX} characters",
    )


@remembered
def check_lot(text: str) -> Rejected | None:
    """A lot has 1 to 100 printable characters."""
    if 0 < len(text) <= LOT_LENGTH_MAX and printable(text) and text == text.strip():
        return None
    return malformed("invalid_lot", f"a lot has 1 to {LOT_LENGTH_MAX} printable characters")


def check_status(text: str) -> Rejected | None:
    """A status is one of the six of the stock model."""
    if text in STATUSES:
        return None
    return malformed("invalid_status", f"a status is one of {', '.join(sorted(STATUSES))}")


def wrong_reason() -> Rejected:
    """The refusal of a reason that is none of the known codes."""
    return malformed("invalid_reason", f"a reason is one of {', '.join(sorted(REASONS))}")


@remembered
def instant(text: str) -> int | Rejected:
    """Microseconds since 1970 UTC of an RFC 3339 instant; the offset from UTC must be given."""
    if _INSTANT.fullmatch(text) is None:
        return malformed("invalid_time", "expected an instant such as 2026-11-22T10:00:00Z")
    # Python takes 24:00 from 3.14 on. What is an instant does not depend on the version.
    if text[_HOUR] != "24":
        with suppress(ValueError, OverflowError):
            # In UTC, because an offset can lead out of the calendar.
            return (datetime.fromisoformat(text.upper()).astimezone(UTC) - _EPOCH) // _MICROSECOND
    return malformed("invalid_time", f"{text} is no instant of the calendar")


@remembered
def moment(text: str) -> tuple[int, str] | Rejected:
    """An RFC 3339 instant as microseconds since 1970 UTC, and its canonical text."""
    microseconds = instant(text)
    if type(microseconds) is Rejected:
        return microseconds
    return microseconds, instant_text(microseconds)


def instant_text(microseconds: int) -> str:
    """The canonical RFC 3339 form in UTC: fraction only where there is one, always with Z."""
    second, fraction = divmod(microseconds, 1_000_000)
    if fraction == 0:
        return f"{_second_text(second)}Z"
    digits = f"{fraction:06d}".rstrip("0")
    return f"{_second_text(second)}.{digits}Z"


@lru_cache(maxsize=16_384)
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19]
