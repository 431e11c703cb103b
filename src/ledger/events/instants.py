"""Instants of events as microseconds, the usual forms in a short way."""

from functools import lru_cache
from typing import Final

from ledger.domain import codes
from ledger.domain.rejections import Rejected

_COARSEST: Final = len(":05.1Z")
_FINEST: Final = len(":05.123456Z")


@lru_cache(maxsize=65_536)
def _second(text: str) -> int:
    """Microseconds of the part of a canonical instant behind its minute, such as `:05.123Z`."""
    digits = text[1:3] + text[4:-1].ljust(6, "0")
    usual = text[:1] == ":" and text[3:4] == "." and _COARSEST <= len(text) <= _FINEST
    if usual and digits < "60" and digits.isascii() and digits.isdigit():
        return int(digits)
    return _instant(f"1970-01-01T00:00{text}")


@lru_cache(maxsize=4_096)
def _minute(text: str) -> int:
    """Microseconds of the minute that a canonical instant begins with."""
    return _instant(f"{text}:00Z")


def microseconds(time: str) -> int:
    """Of an instant. Its two halves come again and again where the whole of it does not."""
    if time[-1:] == "Z":
        return _minute(time[:16]) + _second(time[16:])
    return _instant(time)


def _instant(time: str) -> int:
    microseconds = codes.instant(time)
    if type(microseconds) is Rejected:
        raise ValueError(f"{time} is no instant")
    return microseconds
