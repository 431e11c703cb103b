"""How a new log becomes a ledger, and how an old one is recognised: the record at offset 0."""

import asyncio
from collections.abc import Callable

from ledger.domain.facts import FORMAT_LEVEL, PARTITIONER, Fact, Opened
from ledger.errors import OutcomeUnknown, WrongLedger
from ledger.events.chain import GENESIS
from ledger.events.codec import encode
from ledger.events.decoding import Codec
from ledger.log import EventLog, NewRecord, Record

OPEN_ATTEMPTS_MAX = 20


async def open_partitions(
    log: EventLog, new_ledger_id: str, currency: str, clock_ms: Callable[[], int]
) -> str:
    """Write `ledger.opened` wherever it is missing; the answer is the ledger's id.

    Partition 0 decides which ledger this is, so that two instances that open at once agree.
    Raises WrongLedger if a partition belongs to another ledger, layout or currency.
    """
    first = await _open_partition(log, 0, new_ledger_id, currency, clock_ms)
    for opened in await asyncio.gather(
        *(
            _open_partition(log, partition, first.ledger_id, currency, clock_ms)
            for partition in range(1, log.partitions)
        )
    ):
        if opened.ledger_id != first.ledger_id:
            raise WrongLedger(
                f"partition {opened.partition} belongs to ledger {opened.ledger_id}, "
                f"partition 0 to {first.ledger_id}"
            )
    return first.ledger_id


async def _open_partition(
    log: EventLog, partition: int, ledger_id: str, currency: str, clock_ms: Callable[[], int]
) -> Opened:
    for _ in range(OPEN_ATTEMPTS_MAX):
        part = await log.read(partition, 0, records_max=1)
        if part.records:
            return _check(log, partition, currency, part.records[0])
        opened = Opened(
            0,
            ledger_id,
            partition,
            log.partitions,
            PARTITIONER,
            currency,
            FORMAT_LEVEL,
            clock_ms(),
        )
        key, value = encode(opened, f"/stockledger/{ledger_id}", GENESIS)
        try:
            if await log.append(partition, 0, [NewRecord(key, value)]) == 0:
                return opened
        except OutcomeUnknown:
            continue
    raise OutcomeUnknown(f"partition {partition} could not be opened")


def _check(log: EventLog, partition: int, currency: str, record: Record) -> Opened:
    fact: Fact | None = Codec().decode(record)[1] if record.counts else None
    if type(fact) is not Opened:
        raise WrongLedger(f"partition {partition} does not begin with ledger.opened")
    expected = (partition, log.partitions, PARTITIONER)
    if (fact.partition, fact.partitions, fact.partitioner) != expected:
        raise WrongLedger(
            f"partition {partition} was opened as {fact.partition} of {fact.partitions} "
            f"({fact.partitioner}), and is now one of {log.partitions}"
        )
    if fact.currency != currency:
        raise WrongLedger(
            f"the ledger counts in {fact.currency}; this instance is set to {currency}"
        )
    return fact
