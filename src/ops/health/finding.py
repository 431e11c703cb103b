"""What a check found."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How it is. `AWAY`: a server does not answer, so nothing can be said."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    AWAY = "away"


class Finding(NamedTuple):
    """One line: what was looked at, how it is, and what to do about it."""

    check: str
    state: State
    text: str
    advice: str | None = None


def good(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, State.GOOD, text)


def warn(check: str, text: str, advice: str) -> Finding:
    """It works, and should be otherwise."""
    return Finding(check, State.WARN, text, advice)


def bad(check: str, text: str, advice: str) -> Finding:
    """It does not work, or loses something."""
    return Finding(check, State.BAD, text, advice)


def away(check: str, text: str, advice: str) -> Finding:
    """A server does not answer."""
    return Finding(check, State.AWAY, text, advice)
