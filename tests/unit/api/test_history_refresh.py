"""Balance checkpoints follow the views by themselves, and say where they cannot."""

import asyncio
from pathlib import Path

import pytest

from api.history_refresh import HistoryRefresh
from projections.database import Database
from projections.history import blocks, catching_up
from projections.history.blocks import Shape
from projections.history.tables import history_blocks
from projections.migrate import upgrade
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import count, project, until
from tests.waiting import eventually


async def test_they_follow_the_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again; what is wrong is a reason until it is not."""
    monkeypatch.setattr(blocks, "SHAPE", Shape(block=2, fan_out=2, level_max=1, slice=2))
    url = f"sqlite+aiosqlite:///{tmp_path / 'views.db'}"
    await upgrade(url)
    database = Database(url)
    await database.open()
    log = MemoryLog(1)
    teller = Teller(log, 0)
    refresh = HistoryRefresh(log, database, 0.01)
    task = asyncio.create_task(refresh.run())
    for blocks_wanted in (1, 2):
        for number in range(2):
            teller.tell(receipt(f"r{blocks_wanted}-{number}", "A"))
        await project(log, database)

        async def made(wanted: int = blocks_wanted) -> bool:
            return await count(database, history_blocks) == wanted

        await eventually(made)
    assert refresh.reasons() == []
    right = catching_up._POSITIONS
    monkeypatch.setattr(catching_up, "_POSITIONS", "SELECT * FROM no_such_table")
    await until(lambda: refresh.reasons() != [])
    assert refresh.reasons()[0].startswith("the balance checkpoints: The database")
    monkeypatch.setattr(catching_up, "_POSITIONS", right)
    await until(lambda: refresh.reasons() == [])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.close()
