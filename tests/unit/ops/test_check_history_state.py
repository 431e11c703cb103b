"""Views and snapshots held against the log: good ones pass, and each part can differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from sqlalchemy import Table

from ledger.writer import snapshots
from ops.check_history.check import Stored, check_log
from ops.check_history.checks_state import Snapshot, ViewRows
from ops.check_history.history import History
from ops.check_history.snapshots import FORMATS, Ignored, read_snapshot
from ops.check_history.views import read_views
from projections.changes import Changes
from projections.database import Database
from projections.migrate import upgrade
from projections.store_sqlite import SqliteStore, _insert
from tests.contract.read_models.cases import MemoryLog
from tests.contract.read_models.projecting import project
from tests.simulation.clock import run
from tests.simulation.scenario import small
from tests.unit.ledger.writer.harness import World
from tests.unit.ops.story import COMMANDS, Caller, StoredLog, Story, story

APPLE = (("MAIN/A", None, "available"),)


@pytest.fixture(scope="module", autouse=True)
def told() -> Story:
    """Made where no event loop runs, since it brings its own."""
    return story()


@pytest.fixture(scope="module")
def stored_snapshot() -> tuple[World, Caller, Snapshot]:
    """A snapshot that the writer took in small slices while it worked on."""

    async def make() -> tuple[World, Caller, Snapshot]:
        world, caller = World(), Caller()
        async with world.ledger(snapshot_every_records=8) as ledger:
            for asked in COMMANDS:
                await caller.tell(ledger, asked)
        found = await read_snapshot(world.store, 0)
        assert isinstance(found, Snapshot)
        return world, caller, found

    with small():
        return run(make())


def _codes(world: World, caller: Caller, stored: Stored) -> set[str]:
    log, history = StoredLog(world.broker.partitions), History(caller.operations)
    return set(run(check_log(log, history, stored)).findings.counts)


def test_the_format_is_that_of_the_writer() -> None:
    """Whoever changes the format changes the checker, which shares no code with it."""
    assert snapshots.FORMAT in FORMATS


def test_a_good_snapshot_is_the_replay(stored_snapshot: tuple[World, Caller, Snapshot]) -> None:
    """Slice by slice."""
    world, caller, snapshot = stored_snapshot
    assert snapshot.from_offset > 0
    assert snapshot.ids
    assert any(skus.get("apple") for _, skus in snapshot.slices)
    assert _codes(world, caller, Stored(snapshots=[snapshot])) == set()


@pytest.mark.parametrize(
    "change",
    [
        {"head": "0" * 64},
        {"until_head": "0" * 64},
        {"ids": {"m1": 4}},
        {"ids": {"nobody": 4}},
        {"reversed": {3: 12}},
        {"slices": []},
        {"slices": [(27, {"apple": {}, "pear": {}})], "totals": {27: {}}},
        {"slices": [(27, {"apple": {APPLE[0]: 1}, "pear": {}})], "totals": {27: {}}},
        {"slices": [(27, {"pear": {}})], "totals": {27: {"apple": (1, 0)}}},
    ],
    ids=str,
)
def test_a_snapshot_that_differs(
    stored_snapshot: tuple[World, Caller, Snapshot], change: dict[str, Any]
) -> None:
    """Head, ids, reversals and stock."""
    world, caller, snapshot = stored_snapshot
    stored = Stored(snapshots=[snapshot._replace(**change)])
    assert _codes(world, caller, stored) == {"snapshot_differs"}


def test_a_snapshot_of_a_longer_log(stored_snapshot: tuple[World, Caller, Snapshot]) -> None:
    """The log lost what the snapshot has."""
    world, caller, snapshot = stored_snapshot
    stored = Stored(snapshots=[snapshot._replace(until_offset=99)])
    assert _codes(world, caller, stored) == {"ahead_of_log"}


def test_what_recovery_ignores_is_ignored(
    stored_snapshot: tuple[World, Caller, Snapshot],
) -> None:
    """A snapshot is a cache: one that is not whole is none."""
    world, _, _ = stored_snapshot
    generation, manifest = world.store.manifests[0]

    async def read() -> Snapshot | Ignored | None:
        return await read_snapshot(world.store, 0)

    other = msgspec.msgpack.decode(manifest) | {"format": max(FORMATS) + 1}
    for spoilt in (msgspec.msgpack.encode(other), b"\xc1"):
        with mock.patch.dict(world.store.manifests, {0: (generation, spoilt)}):
            assert isinstance(run(read()), Ignored)
    with mock.patch.dict(world.store.stored, {(0, generation, 0): b"\xc1"}):
        assert isinstance(run(read()), Ignored)
    with mock.patch.dict(world.store.manifests, clear=True):
        assert run(read()) is None


# ---- views


async def _read(made: Story, file: Path) -> ViewRows:
    """What a projector makes of the story."""
    url = f"sqlite+aiosqlite:///{file}"
    await upgrade(url)
    database = Database(url)
    await database.open()
    log = MemoryLog(1)
    log.records[0] += made.records()
    try:
        await project(log, database)
    finally:
        await database.close()
    (rows,) = await read_views(url)
    return rows


async def _codes_of(made: Story, rows: ViewRows) -> set[str]:
    log = StoredLog([made.records()])
    found = await check_log(log, History(made.calls), Stored(views=[rows]))
    return set(found.findings.counts)


async def test_good_views_are_the_replay(tmp_path: Path) -> None:
    """Every account of every SKU, the virtual ones as well, and every id."""
    made = story()
    rows = await _read(made, tmp_path / "views.db")
    assert rows.position == len(made.events)
    assert {"@supplier", "@customer", APPLE[0]} <= rows.stock["apple"].keys()
    assert (len(rows.movements), len(rows.refusals)) == (13, 11)
    assert await _codes_of(made, rows) == set()


async def test_views_are_compared_where_they_are(tmp_path: Path) -> None:
    """They may be behind the log."""
    made = story()
    last = made.events.pop()
    rows = await _read(made, tmp_path / "views.db")
    made.events.append(last)
    assert await _codes_of(made, rows) == set()
    assert await _codes_of(made, rows._replace(position=rows.position + 1)) == {"view_differs"}
    assert await _codes_of(made, rows._replace(position=99)) == {"ahead_of_log"}


async def test_views_that_differ(tmp_path: Path) -> None:
    """Each table, and the chain's head."""
    made = story()
    rows = await _read(made, tmp_path / "views.db")
    apple = rows.stock["apple"]
    without = {key: one for key, one in apple.items() if key != "@supplier"}
    for change, codes in (
        ({"head": "0" * 64}, {"view_differs"}),
        ({"stock": {**rows.stock, "apple": without}}, {"view_differs", "unbalanced"}),
        ({"stock": {**rows.stock, "plum": {"@scrap": 1, "@supplier": -1}}}, {"view_differs"}),
        ({"totals": {**rows.totals, "apple": (1, 0, 0)}}, {"view_differs"}),
        ({"movements": {**rows.movements, 3: "m2"}}, {"view_differs"}),
        ({"movements": {**rows.movements, 99: "m99"}}, {"view_differs"}),
        ({"refusals": {}}, {"view_differs"}),
    ):
        spoilt = rows._replace(**change)
        assert await _codes_of(made, spoilt) == codes, change


async def _write_again(self: SqliteStore, changes: Sequence[Changes]) -> list[int]:
    """A projector that does not hear of its commit, and writes the same again."""
    await self._run(lambda: self._write(changes))
    return await self._run(lambda: self._write(changes))


def _insert_or_ignore(table: Table) -> str:
    return _insert(table).replace("INSERT", "INSERT OR IGNORE", 1)


async def test_a_batch_applied_twice_is_found(tmp_path: Path) -> None:
    """The checkpoint is what keeps a repeated batch out; without it levels are doubled."""
    made = story()
    with mock.patch.object(SqliteStore, "write", _write_again):
        rows = await _read(made, tmp_path / "good.db")
        assert await _codes_of(made, rows) == set()
        with (
            mock.patch("projections.checkpoints.compare", return_value=None),
            mock.patch("projections.store_sqlite._insert", _insert_or_ignore),
        ):
            rows = await _read(made, tmp_path / "doubled.db")
    assert await _codes_of(made, rows) == {"view_differs"}
