"""A log of many movements: a few SKUs move much, most of them little."""

import random
from typing import Final

from ledger.config import Settings, open_log
from ledger.domain.movements import Pick, Reference, Transfer
from ledger.events.partitioner import Partitioner
from tests.contract.read_models.cases import MemoryLog, Teller, receipt

BATCH_RECORDS: Final = 1_000


def fill(movements_count: int, partitions: int, skus: int) -> MemoryLog:
    """Receipts, picks and putaways."""
    chance = random.Random(7)
    log = MemoryLog(partitions)
    tellers = [Teller(log, partition) for partition in range(partitions)]
    partitioner = Partitioner(partitions)
    stocked: dict[str, int] = {}
    for number in range(movements_count):
        sku_number = int(skus * chance.random() ** 2)
        sku = f"SKU-{sku_number:05d}"
        teller = tellers[partitioner.partition_of(sku)]
        identity = f"{number:012x}-{chance.getrandbits(64):016x}"
        location = f"MAIN/{'ABCD'[sku_number % 4]}/{sku_number % 97:02d}"
        have = stocked.get(sku, 0)
        if have < 10:
            reference = Reference("purchase_order", f"PO-{number // 50}")
            teller.tell(
                receipt(identity, sku, "60", location=location, unit_cost="2.55",
                        reference=reference)
            )  # fmt: skip
            stocked[sku] = have + 60
        elif number % 10 == 0:
            teller.tell(Transfer(id=identity, sku=sku, quantity="5", from_location=location,
                                 to_location=f"{location}/2"))  # fmt: skip
            stocked[sku] = have - 5
        else:
            quantity = chance.randrange(1, 6)
            reference = Reference("order", f"O-{number // 3}")
            teller.tell(Pick(id=identity, sku=sku, quantity=str(quantity), location=location,
                             reference=reference))  # fmt: skip
            stocked[sku] = have - quantity
    return log


async def fill_log(settings: Settings, told: MemoryLog) -> int:
    """Append what the memory holds; the answer is how many records."""
    log = open_log(settings)
    await log.open()
    try:
        for partition, records in enumerate(told.records):
            for start in range(0, len(records), BATCH_RECORDS):
                part = records[start : start + BATCH_RECORDS]
                base = await log.append(
                    partition, start, [(one.key, one.value, None) for one in part]
                )
                if base != start:
                    raise AssertionError(f"the log was not empty: {base}")
    finally:
        await log.close()
    return sum(map(len, told.records))
