"""Nobody who writes views in a file lets SQLite make checkpoints by itself, or forgets the file."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from projections.planning import run_writer
from projections.publishers import alert_store
from projections.sqlite_writing import connect, finish


def of_engine(prepare: Callable[[sqlite3.Connection, object], None]) -> Callable[[Path], object]:
    """How an engine makes its connections."""

    def opened(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path)
        prepare(connection, None)
        return connection

    return opened


@pytest.mark.parametrize(
    "opened",
    [connect, of_engine(run_writer._prepare_sqlite), of_engine(alert_store._prepare_sqlite)],
    ids=["views", "planning runs", "alerts"],
)
def test_checkpoints_are_made_by_us_alone(
    tmp_path: Path, opened: Callable[[Path], sqlite3.Connection]
) -> None:
    """Its own are not safe beside other connections in all versions."""
    with closing(opened(tmp_path / "a # b%20?.db")) as connection:
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    assert [path.name for path in tmp_path.iterdir()] == ["a # b%20?.db"]


async def test_a_file_is_closed_by_whoever_is_cancelled_meanwhile() -> None:
    """Else it would stay open until the garbage collector finds it."""
    thread, free, closed = ThreadPoolExecutor(1), threading.Event(), threading.Event()
    thread.submit(free.wait)
    closing_it = asyncio.create_task(finish(thread, closed.set))
    await asyncio.sleep(0)
    closing_it.cancel()
    await asyncio.wait([closing_it])
    assert closing_it.cancelled()
    free.set()
    assert await asyncio.to_thread(closed.wait, 60)
