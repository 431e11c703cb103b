"""Rows made from another ledger's log are nobody's answer."""

import pytest

from ledger.errors import LogUnavailable, WrongLedger
from projections import identity
from projections.database import Database
from projections.id_index import ViewIdIndex
from projections.identity import LedgerViews
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import project

OTHER_ID = "22222222-2222-4222-8222-222222222222"


async def filled(database: Database) -> MemoryLog:
    """The log that the views were made from."""
    log = MemoryLog(1)
    Teller(log).tell(receipt("r0", "A"))
    await project(log, database)
    return log


async def test_ids_of_another_ledger_are_not_found(database: Database) -> None:
    """Nor is anything known before the ledger is."""
    index = ViewIdIndex(database)
    assert await index.position(0) == 0
    assert await index.find(0, ["r0"]) == {}
    await filled(database)
    for other in ("", OTHER_ID):
        index.ledger_id = other
        assert await index.position(0) == 0
        with pytest.raises(WrongLedger):
            await index.find(0, ["r0"])
    index.ledger_id = LEDGER_ID
    assert await index.position(0) == 2
    assert await index.find(0, ["r0"]) == {"r0": 1}


async def test_views_are_shown_to_their_own_ledger_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty views are anybody's; a log that has no first record yet is nobody's."""
    monkeypatch.setattr(identity, "TRUSTED_SECONDS", 0.0)
    empty, other = MemoryLog(1), MemoryLog(1)
    Teller(other, ledger_id=OTHER_ID)
    for log in (empty, other):
        async with LedgerViews(log, database).reader():
            pass
    own = await filled(database)
    async with LedgerViews(own, database).reader():
        pass
    for log, what in ((other, OTHER_ID), (empty, "not opened yet")):
        with pytest.raises(WrongLedger, match=what):
            async with LedgerViews(log, database).reader():
                raise AssertionError("shown")
    own.unavailable = True
    with pytest.raises(LogUnavailable):
        async with LedgerViews(own, database).reader():
            raise AssertionError("shown")


async def test_views_that_were_replaced_are_noticed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soon after, not only at the start."""
    monkeypatch.setattr(identity, "TRUSTED_SECONDS", 0.0)
    other = MemoryLog(1)
    Teller(other, ledger_id=OTHER_ID)
    views = LedgerViews(other, database)
    async with views.reader():
        pass
    await filled(database)
    with pytest.raises(WrongLedger):
        async with views.reader():
            raise AssertionError("shown")
