"""Seals and proofs over each log; on Kafka with void records among the others."""

from ledger.domain.facts import WriterClaimed
from ledger.events.chain import GENESIS, link
from ledger.events.codec import encode
from ledger.log import EventLog, NewRecord
from ledger.replay.reading import read_records
from ledger.writer.opening import open_partitions
from ops.seals.check import Seals, follows
from ops.seals.documents import Seal, SignedSeal
from ops.seals.keys import key_id, raw_public
from ops.seals.proofs import check_proof
from ops.seals.proving import Position, prove
from ops.seals.sealing import Order, make_seal
from ops.seals.walk import Links
from tests.contract.log_cases import PARTITIONS, Place
from tests.unit.ops.seals.histories import KEY, LEDGER_ID

PARTITION = 1
RAW = raw_public(KEY)


async def links_of(log: EventLog, partition: int) -> list[tuple[int, str]]:
    """Offset and hash of each record that counts."""
    links, found = Links(partition), []
    async for records in read_records(log, partition, until=await log.end(partition)):
        found += [(one.offset, head) for one in records if (head := links.take(one))]
    return found


async def write(log: EventLog, count: int) -> None:
    """Records that count, and a batch for a place that is taken: void where a log stores it."""
    found = await links_of(log, PARTITION)
    head, end = found[-1][1] if found else GENESIS, await log.end(PARTITION)
    batch = []
    for offset in range(end, end + count):
        fact = WriterClaimed(offset, f"i{offset}", "", 0)
        batch.append(NewRecord(*encode(fact, "/s", head)))
        head = link(PARTITION, offset, *batch[-1][:2])
    assert await log.append(PARTITION, end, batch) == end
    assert await log.append(PARTITION, end, batch) > end


async def seal(log: EventLog, before: Seal | None) -> SignedSeal:
    """The next seal."""
    return await make_seal(log, Order(KEY, lambda: "2026-11-22T10:00:00Z", before), lambda *_: None)


async def test_seals_of_a_real_log(place: Place) -> None:
    """Each record that counts is proved by its seal, and the log is what was sealed."""
    log = await place.open_log()
    await open_partitions(log, LEDGER_ID, "EUR", lambda: 0)
    await write(log, 5)
    one = await seal(log, None)
    await write(log, 4)
    two = await seal(log, one.seal)
    follows(one.seal, two.seal)
    seals = Seals([one.seal, two.seal], [], authentic=True)
    found = await links_of(log, PARTITION)
    assert len(found) == two.seal.partitions[PARTITION].records == 10
    for partition in range(PARTITIONS):
        watch = seals.watch(partition)
        for offset, head in await links_of(log, partition):
            watch.add(offset, head)
        assert watch.finish(await log.end(partition)) == []
    for number, (offset, _) in enumerate(found):
        proof = await prove(log, [one, two], Position(PARTITION, offset))
        shown = check_proof(proof, {key_id(RAW): RAW})
        assert shown["seal"] == (1 if number < 6 else 2)
