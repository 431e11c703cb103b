"""Facts written again, as their ledger wrote them, one record after the other."""

from typing import Final

import msgspec

from ledger.domain import codes
from ledger.domain.facts import Fact, Moved
from ledger.events.codec import Starts, encode, encode_moved
from ledger.events.trails import Trail, encode_trail, trail_text

# Stands where the time is, in what the envelopes of one type have in common.
_MARK: Final = "\0"


class _StartsNow(Starts):
    """The starts of envelopes at one time after the other, put together from two halves."""

    def __init__(self, source: str) -> None:
        super().__init__(source, "", None)
        self._halves: dict[tuple[type, str | None], tuple[str, str]] = {}

    def __missing__(self, kind: type) -> str:
        halves = self._halves.get((kind, self.actor))
        if halves is None:
            before, _, after = Starts(self.source, _MARK, self.actor)[kind].partition(_MARK)
            halves = self._halves[kind, self.actor] = before, after
        start = self[kind] = f"{halves[0]}{self.time}{halves[1]}"
        return start


class Rewriter:
    """Writes the facts of one ledger again."""

    def __init__(self, source: str) -> None:
        """`source` names the ledger, as in `encode`."""
        self._source = source
        self._starts = _StartsNow(source)
        self._recorded_ms = -1
        self._trail: bytes | None = None

    def write(self, fact: Fact, prevhash: str) -> tuple[bytes, bytes]:
        """Key and document, as `encode` gives them.

        Raises MsgspecError and ValueError for a trail that is none.
        """
        if type(fact) is not Moved:
            return encode(fact, self._source, prevhash)
        starts = self._starts
        if fact.trail != self._trail:
            self._trail = fact.trail
            starts.trail = _trail(fact.trail)
        if fact.recorded_ms != self._recorded_ms or fact.actor != starts.actor:
            self._recorded_ms = fact.recorded_ms
            starts.time, starts.actor = codes.instant_text(fact.recorded_ms * 1000), fact.actor
            starts.clear()
        return fact.sku.encode(), encode_moved(fact, starts, prevhash)


def _trail(trail: bytes | None) -> str:
    """A trail is taken into facts as it is; here it is read and written as well."""
    if trail is not None and encode_trail(msgspec.json.decode(trail, type=Trail)) != trail:
        raise ValueError("its trail is not as a ledger writes it")
    return trail_text(trail)
