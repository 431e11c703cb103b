"""Void records as rows: whatever is in them, the views go on."""

import pytest
from sqlalchemy import select

from ledger.events.codec import encode
from ledger.log import Record
from projections.database import Database
from projections.tables import void_records
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import count, project


@pytest.mark.parametrize("scale", [1_000, 10**11])
async def test_a_forged_scale_stops_no_view(database: Database, scale: int) -> None:
    """Anybody may append a void record; what no ledger would write in it is not to be read."""
    log = MemoryLog(1)
    teller = Teller(log)
    before = teller.head
    moved = teller.tell(receipt("r", "A", "6"))
    key, value = encode(moved, teller.source, before)
    forged = value.replace(b'"scale":0', b'"scale":%d' % scale)
    assert forged != value
    log.put(0, Record(teller.end, None, key, forged, teller.now_ms))
    log.put(0, Record(teller.end, None, key, value, teller.now_ms))
    await project(log, database)
    async with database.reader() as reader:
        rows = await reader.all(select(void_records).order_by(void_records.c.log_offset))
    assert [(row["sku"], row["type"]) for row in rows] == [("A", None), ("A", "stock.receipt.v1")]
    assert await count(database) == 1
