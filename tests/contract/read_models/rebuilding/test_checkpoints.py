"""Balance checkpoints that are being made while other views are made live."""

from typing import Any

import pytest

from ledger.domain.movements import Pick
from projections.database import Database
from projections.history import blocks, catching_up, new_blocks
from projections.history.balances import Balances, balances_at
from projections.history.blocks import Shape
from projections.history.moments import resolve
from projections.history.tables import history_blocks, history_skus
from projections.rebuilding.rebuild import rebuild, roll_back
from tests.contract.read_models.cases import MemoryLog
from tests.contract.read_models.projecting import project
from tests.contract.read_models.rebuilding.ledgers import ORDER, Silent, counted, execute, told

SKU = "a0-SKU"


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SHAPE", Shape(block=2, fan_out=2, level_max=2, slice=1))


async def _balance(database: Database) -> Balances:
    async with database.reader() as reader:
        moment = await resolve(reader, as_of_us=None, as_known_at_ms=None, positions=None)
        return (await balances_at(reader, [SKU], moment))[SKU]


async def _exchange(log: MemoryLog, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make other views live. What is made behind an exchange has not come to any SKU yet."""

    async def nothing(*_: object) -> None:
        """No blocks."""

    with monkeypatch.context() as patch:
        patch.setattr("projections.history.catching_up.make_blocks", nothing)
        assert (await rebuild(log, database, ORDER, Silent())).swapped


async def test_blocks_of_rows_that_are_no_longer_live_are_not_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were read, views were exchanged and counted anew, and then they are to be written."""
    log, _ = told()
    await project(log, database)
    right = await _balance(database)
    await execute(
        database,
        f"UPDATE movements SET quantity = quantity + 7 WHERE sku = '{SKU}' AND id LIKE '%r0'",
    )
    writes = new_blocks._write
    written: list[bool] = []

    async def behind_an_exchange(*arguments: Any) -> Any:
        if not written:
            written.append(True)
            await _exchange(log, database, monkeypatch)
            assert await counted(database, history_skus)
        return await writes(*arguments)

    monkeypatch.setattr(new_blocks, "_write", behind_an_exchange)
    await catching_up.catch_up(database)
    assert written
    assert await _balance(database) == right
    assert await counted(database, history_blocks) == 0
    # The next time they are made of what is live.
    await catching_up.catch_up(database)
    assert await counted(database, history_blocks) > 0
    assert await _balance(database) == right


async def test_earlier_blocks_are_not_looked_for_in_other_views(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Views were exchanged before anything was read: those that are live have no blocks yet."""
    log, tellers = told()
    await project(log, database)
    await catching_up.catch_up(database)
    # The fourth block is the last of others above it, which are merged from earlier ones.
    for number in range(2):
        tellers[0].tell(Pick(id=f"more{number}", sku=SKU, quantity="1", location="MAIN/A/01"))
    await project(log, database)
    right = await _balance(database)
    reads = new_blocks._read
    read: list[bool] = []

    async def behind_an_exchange(*arguments: Any) -> Any:
        if not read:
            read.append(True)
            await _exchange(log, database, monkeypatch)
            assert await counted(database, history_blocks) == 0
        return await reads(*arguments)

    monkeypatch.setattr(new_blocks, "_read", behind_an_exchange)
    await catching_up.catch_up(database)
    assert read
    assert await counted(database, history_blocks) == 0
    await catching_up.catch_up(database)
    assert await counted(database, history_blocks) > 0
    assert await _balance(database) == right


async def test_after_any_number_of_exchanges_they_are_made(database: Database) -> None:
    """The exchange that is compared is the last one, whichever way it went."""
    log, _ = told()
    await project(log, database)
    right = await _balance(database)
    await rebuild(log, database, ORDER, Silent())
    await roll_back(log, database, "test", Silent())
    await execute(database, *(f"DELETE FROM {one}" for one in _CACHES))
    await catching_up.catch_up(database)
    assert await counted(database, history_blocks) > 0
    assert await _balance(database) == right


_CACHES = (
    "history_skus", "history_blocks", "history_slices",
    "view_positions WHERE view_group = 'history'",
)  # fmt: skip
