"""Movements that undo earlier ones: reversals, and returns that name what they bring back."""

from collections.abc import Iterator

from ledger.domain.facts import Moved
from ledger.domain.movements import CustomerReturn, Reversal
from ops.verify.past import Earlier, Past


class Links:
    """What was undone in one partition, and how much came back of what went out."""

    def __init__(self, past: Past) -> None:
        """Nothing yet."""
        self._past = past
        # Offset of a movement to that of its reversal, and to how much of it came back.
        self.undone: dict[int, int] = {}
        self.back: dict[int, int] = {}
        # Offset of a linked return to that of the movement it brings back.
        self._returns: dict[int, int] = {}
        self._reversals: set[int] = set()
        # Offset of a receipt to the line that it names; few receipts name one.
        self.lines: dict[int, str] = {}

    def original_of(self, fact: Moved) -> tuple[Earlier | None, int]:
        """The movement that this one names, and its offset; None, -1 if it names none, or it is
        not there."""
        command = fact.command
        if type(command) is Reversal:
            named, offset = command.reverses, fact.reverses_offset
        elif type(command) is CustomerReturn and command.original_id is not None:
            named, offset = command.original_id, fact.original_offset
        else:
            return None, -1
        found = self._past.movement(offset)
        if found is None or found.id_hash != hash(named):
            return None, offset
        return found, offset

    def check(
        self, fact: Moved, original: Earlier | None, offset: int
    ) -> Iterator[tuple[str, str]]:
        """Count it; code and sentence of what is wrong."""
        command = fact.command
        reversal = type(command) is Reversal
        yield from self._check_offsets(fact, reversal, offset)
        names_one = reversal or offset >= 0 or getattr(command, "original_id", None) is not None
        if not names_one:
            return
        if original is None:
            yield "wrong_link", f"it names a movement at {offset} that does not lie there"
            return
        if original.sku != self._past.names.get(fact.sku):
            yield "wrong_link", f"{offset} is a movement of another SKU"
        if offset in self.undone:
            yield "undone_twice", f"{offset} was reversed at {self.undone[offset]} already"
        if reversal:
            yield from self._reverse(fact, offset)
        else:
            yield from self._return(fact, original, offset)

    def _check_offsets(self, fact: Moved, reversal: bool, offset: int) -> Iterator[tuple[str, str]]:
        """What a record says beside its command of what it names."""
        if (fact.reverses_offset >= 0) != reversal:
            yield "wrong_link", "only a reversal says what it reverses, and each does"
        expected = self._returns.get(offset, -1) if reversal else offset
        if fact.original_offset != expected:
            yield "wrong_link", f"it brings back {expected}, and says {fact.original_offset}"

    def _reverse(self, fact: Moved, offset: int) -> Iterator[tuple[str, str]]:
        if offset in self._reversals:
            yield "wrong_link", f"{offset} is a reversal, which is not reversed"
        if offset in self.back:
            yield "undone_twice", f"some of {offset} came back already"
        self.undone[offset] = fact.offset
        self._reversals.add(fact.offset)
        if offset in self._returns:
            self._come_back(self._returns[offset], -fact.quantity)

    def _return(self, fact: Moved, original: Earlier, offset: int) -> Iterator[tuple[str, str]]:
        if offset in self._reversals or original.target != self._past.names.get("@customer"):
            yield "wrong_link", f"what moved at {offset} did not go to a customer"
        self._returns[fact.offset] = offset
        self._come_back(offset, fact.quantity)
        if self.back.get(offset, 0) > original.quantity:
            yield "undone_twice", f"more came back of {offset} than went out"

    def _come_back(self, offset: int, quantity: int) -> None:
        total = self.back.get(offset, 0) + quantity
        if total:
            self.back[offset] = total
        else:
            self.back.pop(offset, None)
