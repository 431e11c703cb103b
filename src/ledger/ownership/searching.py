"""Finding what an id was used for, in the partitions of this instance and of others."""

import asyncio
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from ledger.domain.facts import Fact, Moved
from ledger.domain.supply import SupplyOrderPlaced
from ledger.errors import LedgerError
from ledger.ownership.desks import Desks
from ledger.ownership.questions import knows
from ledger.ownership.remote import OwnerUnknown
from ledger.ownership.wire import Question

Found = TypeVar("Found", Moved, SupplyOrderPlaced)


class AmbiguousId(LookupError):
    """Several SKUs have used this id; name the SKU."""


class NotAllKnown(LedgerError):
    """A partition that may have this id too cannot be searched now; name the SKU or try again."""


class Wanted(NamedTuple, Generic[Found]):
    """A fact of this kind with this id; of any SKU where none is given."""

    kind: type[Found]
    identity: str
    sku: str | None


async def search(
    desks: Desks, ledger_id: str, partitions: Sequence[int], wanted: Wanted[Found]
) -> tuple[int, Found] | None:
    """The partition and the fact.

    Raises AmbiguousId, NotAllKnown unless every partition can be searched, LogUnavailable.
    """
    kind, identity, sku = wanted
    searched = await asyncio.gather(
        *(_used(desks, ledger_id, partition, identity) for partition in partitions)
    )
    found = [
        (partition, fact)
        for partition, (fact, _) in zip(partitions, searched, strict=True)
        if type(fact) is kind and (sku is None or fact.sku == sku)
    ]
    if len(found) > 1:
        raise AmbiguousId(identity)
    if not all(known for _, known in searched) and (sku is None or not found):
        raise NotAllKnown
    return found[0] if found else None


async def _used(
    desks: Desks, ledger_id: str, partition: int, identity: str
) -> tuple[Fact | None, bool]:
    """What used an id in a partition, and whether everything there could be searched."""
    writer = desks.writers.get(partition)
    if writer is not None and (partition in desks.held or not desks.remotes):
        return await writer.find(identity), knows(writer)
    question = Question(ledger_id, partition, None, identity, [])
    try:
        answer = await desks.remotes[partition].ask(question)
    except OwnerUnknown:
        return None, False
    return (answer[0] if answer else None), True  # type: ignore[return-value]
