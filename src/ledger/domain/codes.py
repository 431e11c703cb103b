"""The forms of names: ids, SKUs, locations, lots, statuses, reasons, instants.

Every check returns None if the form is good, else the refusal. They are cached, because the same
few thousand names come again and again.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache

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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = slice(11, 13)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def check_id(text: str) -> Rejected | None:
    """An id has 1 to 128 printable characters."""
    if (
        text
        and len(text) <= ID_LENGTH_MAX
        and text.isprintable()
        # The only printable blank.
        and text[0] != " "
        and text[-1] != " "
    ):
        return None
    return malformed("invalid_id", f"an id has 1 to {ID_LENGTH_MAX} printable characters")


@lru_cache(maxsize=16_384)
def check_sku(text: str) -> Rejected | None:
    """A SKU has 1 to 100 printable characters and neither starts nor ends with a blank."""
    if 0 < len(text) <= SKU_LENGTH_MAX and text.isprintable() and text == text.strip():
        return None
    return malformed("invalid_sku", f"a SKU has 1 to {SKU_LENGTH_MAX} printable characters")


@lru_cache(maxsize=16_384)
def check_location(text: str) -> Rejected | None:
    """A location is a path such as MAIN/A/01: printable, no empty segment, no @ in front."""
    good = (
        0 < len(text) <= LOCATION_LENGTH_MAX
        and text.isprintable()
        and text[0] != "@"
        and all(part and part == part.strip() for part in text.split("/"))
    )
    if good:
        return None
    return malformed(
        "invalid_location",
        f"a location is a path such as MAIN/A/01, at most {LOCATION_LENGTH_MAX} characters",
    )


@lru_cache(maxsize=16_384)
def check_lot(text: str) -> Rejected | None:
    """A lot has 1 to 100 printable characters."""
    if 0 < len(text) <= LOT_LENGTH_MAX and text.isprintable() and text == text.strip():
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


@lru_cache(maxsize=16_384)
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


@lru_cache(maxsize=16_384)
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
