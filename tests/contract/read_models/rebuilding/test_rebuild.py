"""Views that are made anew beside the live ones, on both databases."""

import asyncio
from collections.abc import Callable

import pytest
from asyncpg import Connection
from sqlalchemy import select

from projections.checkpoints import EXCHANGE_GROUP
from projections.database import Database
from projections.derived import DERIVED, KEPT
from projections.history.tables import HISTORY_GROUP, history_skus
from projections.planning.catching_up import catch_up
from projections.planning.demand_statements import DEMAND_GROUP
from projections.publishers.alert_tables import alerts
from projections.rebuilding.errors import NothingKept, OtherHistory, RebuildRunning
from projections.rebuilding.rebuild import Report, drop, rebuild, roll_back
from projections.rebuilding.sites import BEFORE, open_site
from projections.rebuilding.status import read_status
from projections.schema import metadata
from projections.tables import movements, stock, view_positions
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import WAIT_SECONDS, project, projecting, until
from tests.contract.read_models.rebuilding.ledgers import (
    ORDER,
    Silent,
    all_rows,
    counted,
    execute,
    tell_some,
    told,
)

_ALERT = (
    "INSERT INTO alerts (alert_id, type, sku, site, partition, raised_ms, active, published,"
    " document) VALUES ('one', 'stock_out', 'A', 'MAIN', 0, 1, TRUE, FALSE, '{}')"
)
_DAMAGE = (
    "UPDATE stock SET on_hand = on_hand + 7 WHERE sku = 'a0-SKU' AND account = 'MAIN/A/01'",
    "DELETE FROM movements WHERE id = 'b0-p0'",
    "UPDATE sku_days SET issued = 99 WHERE issued = 5 AND series ="
    " (SELECT series FROM sku_sites WHERE sku = 'a1-SKU' AND site = 'MAIN')",
    "INSERT INTO items SELECT 'stray', scale, document, recorded_ms, partition, log_offset"
    " FROM items WHERE sku = 'a0-SKU'",
)


# What one of the two has is the sum of both without the other.
_EXCHANGED = (
    "UPDATE movements SET occurred_us = (SELECT sum(occurred_us) FROM movements"
    " WHERE id IN ('a0-p0', 'b0-p0')) - occurred_us WHERE id IN ('a0-p0', 'b0-p0')"
)


def differing(report: Report) -> dict[str, tuple[int, int, int]]:
    """Rows that differ, are missing and are too many, of the tables that are not equal."""
    return {
        one.table: (one.differs, one.missing, one.extra) for one in report.tables if not one.equal
    }


def test_every_table_is_decided() -> None:
    """Made from the log, or not: in one list, and in one only."""
    derived = {table.name for table in DERIVED}
    assert derived.isdisjoint(KEPT)
    assert derived | KEPT.keys() == metadata.tables.keys()


async def test_damaged_views_are_found_out_and_replaced(database: Database) -> None:
    """Each row that was altered, removed or added by hand is named; then it is right again.

    A projector and a reader go on over it, as in a server, and alerts stay.
    """
    log, tellers = told()
    async with projecting(log, database) as projector:
        await projector.positions.wait_for({0: tellers[0].end - 2}, WAIT_SECONDS)
        await projector.positions.wait_for({1: tellers[1].end - 2}, WAIT_SECONDS)
        await catch_up(database)
        right = await all_rows(database)
        await execute(database, _ALERT, *_DAMAGE)
        tell_some(tellers[1], "late")  # which the demand view has not read
        await projector.positions.wait_for({1: tellers[1].end - 2}, WAIT_SECONDS)
        report = await rebuild(log, database, ORDER, Silent())
        tell_some(tellers[0], "after")
        await projector.positions.wait_for({0: tellers[0].end - 2}, WAIT_SECONDS)
        assert projector.failures == {}
    assert (report.swapped, report.equal, report.not_compared) == (True, False, None)
    assert differing(report) == {
        "stock": (1, 0, 0), "movements": (0, 1, 0), "sku_days": (1, 0, 0), "items": (0, 0, 1),
    }  # fmt: skip
    of_stock = next(one for one in report.tables if one.table == "stock")
    assert of_stock.live.sums["on_hand"] == of_stock.built.sums["on_hand"] + 7
    assert of_stock.shown[0].key["account"] == "MAIN/A/01"
    assert of_stock.shown[0].columns == {"on_hand": {"live": 58, "built": 51}}
    await catch_up(database)
    rows = await all_rows(database)
    for name, before in right.items():
        assert [row for row in rows[name] if not _later(row)] == before, name
    assert await counted(database, alerts) == 1
    again = await rebuild(log, database, ORDER, Silent())
    assert (again.equal, again.swapped) == (True, True)
    assert await all_rows(database) == rows


async def test_values_that_two_rows_have_exchanged_are_found(database: Database) -> None:
    """Every sum and every column on its own is then what it should be."""
    log, _ = told()
    await project(log, database)
    await catch_up(database)
    await execute(database, _EXCHANGED)
    report = await rebuild(log, database, ORDER, Silent())
    assert differing(report) == {"movements": (2, 0, 0)}
    changed = next(one for one in report.tables if one.table == "movements")
    assert changed.live.sums == changed.built.sums


def _later(row: tuple[object, ...]) -> bool:
    """Whether a row is of what was told during the rebuild or after it."""
    return any(isinstance(one, str) and one.startswith(("late-", "after-")) for one in row)


async def test_the_way_back(database: Database) -> None:
    """The views of before come back, with what was recorded meanwhile; and forth again."""
    log, tellers = told()
    with pytest.raises(NothingKept):
        await roll_back(log, database, "test", Silent())
    async with projecting(log, database) as projector:
        await projector.positions.wait_for({0: tellers[0].end - 2}, WAIT_SECONDS)
        await projector.positions.wait_for({1: tellers[1].end - 2}, WAIT_SECONDS)
        await execute(database, _DAMAGE[0])
        await rebuild(log, database, ORDER, Silent())
        tell_some(tellers[0], "after")
        await roll_back(log, database, "test", Silent())
        tell_some(tellers[1], "later")
        await projector.positions.wait_for({0: tellers[0].end - 2}, WAIT_SECONDS)
        await projector.positions.wait_for({1: tellers[1].end - 2}, WAIT_SECONDS)
    assert await _damaged(database) == 58
    assert await counted(database, movements) == 6 * 6
    await roll_back(log, database, "test", Silent())
    assert await _damaged(database) == 51
    assert await counted(database, movements) == 6 * 6
    assert await drop(database, BEFORE)
    assert not await drop(database, BEFORE)
    with pytest.raises(NothingKept):
        await roll_back(log, database, "test", Silent())


async def _damaged(database: Database) -> int:
    query = select(stock.c.on_hand).where(stock.c.sku == "a0-SKU", stock.c.account == "MAIN/A/01")
    async with database.reader() as reader:
        row = await reader.first(query)
    assert row is not None
    return int(row["on_hand"])


async def test_views_that_are_not_there_are_made(database: Database) -> None:
    """From nothing, with no server at work; the demand view too."""
    log, tellers = told()
    report = await rebuild(log, database, ORDER, Silent())
    assert (report.equal, report.swapped, report.resumed) == (True, True, False)
    assert report.records == sum(teller.end for teller in tellers)
    async with database.reader() as reader:
        rows = await reader.all(select(view_positions.c.view_group, view_positions.c.partition))
    groups = [(row["view_group"], row["partition"]) for row in rows]
    assert sorted(groups) == [
        ("core", 0), ("core", 1), (DEMAND_GROUP, 0), (DEMAND_GROUP, 1), (HISTORY_GROUP, 0),
        (HISTORY_GROUP, 1), (EXCHANGE_GROUP, 0),
    ]  # fmt: skip
    before = await all_rows(database)
    assert all(before.values())
    assert await counted(database, history_skus) == 4
    await project(log, database)
    assert await all_rows(database) == before


async def test_a_second_rebuild_is_refused(database: Database) -> None:
    """As long as the first one has the right to."""
    log, _ = told()
    site = open_site(database)
    await site.open()
    await site.claim()
    with pytest.raises(RebuildRunning, match="Another rebuild"):
        await rebuild(log, database, ORDER, Silent())
    await site.close()
    assert (await rebuild(log, database, ORDER, Silent())).swapped


@pytest.mark.postgres
async def test_the_next_rebuild_need_not_wait_for_the_server(
    new_views_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which notices only some time later that a connection has gone."""
    database = Database(new_views_url("postgres"))
    one, other = open_site(database), open_site(database)
    await one.open()
    await one.claim()
    unnoticed: list[Connection] = []
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "terminate", lambda held: unnoticed.append(held))
        await one.close()
    await other.open()
    await other.claim()
    await other.close()
    unnoticed.pop().terminate()


async def test_a_look_takes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state of a rebuild is shown without the right to it, so that none is refused for it."""
    log, _ = told()
    await rebuild(log, database, ORDER._replace(swap=False), Silent())
    holder, looker = open_site(database), open_site(database)
    await holder.open()
    await looker.open()
    assert not await looker.claimed()
    await holder.claim()
    assert await looker.claimed()
    with monkeypatch.context() as patch:
        patch.setattr(type(holder), "claim", None)
        assert (await read_status(log, database))["build"]["running"]
        await holder.close()
        assert not (await read_status(log, database))["build"]["running"]
    # Whoever looked is still there, and is in nobody's way.
    assert (await rebuild(log, database, ORDER, Silent())).swapped
    await looker.close()


async def test_views_of_another_past_are_replaced_only_if_that_is_meant(
    database: Database,
) -> None:
    """A log that became shorter, and one of another ledger."""
    log, _ = told()
    await project(log, database)
    shorter = MemoryLog(2)
    shorter.records = [records[:4] for records in log.records]
    with pytest.raises(OtherHistory, match="ends at 4"):
        await rebuild(shorter, database, ORDER, Silent())
    other = MemoryLog(1)
    Teller(other, ledger_id="22222222-2222-4222-8222-222222222222").tell(receipt("r", "A"))
    with pytest.raises(OtherHistory, match="22222222"):
        await rebuild(other, database, ORDER, Silent())
    report = await rebuild(shorter, database, ORDER._replace(restored=True), Silent())
    assert (report.swapped, report.not_compared is None) == (True, False)
    assert await counted(database, movements) == 2


async def test_a_stopped_projector_goes_on_with_the_new_views(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stray row stopped it; the built views do not have it, and nobody starts a process again."""
    monkeypatch.setattr("projections.relief.LOOK_SECONDS", 0.05)
    log, tellers = told()
    await project(log, database)
    last = tellers[0].end
    await execute(
        database,
        # What is recorded next lies two offsets on, for a description comes before it.
        f"UPDATE movements SET log_offset = {last + 2} WHERE id = 'a0-p0'",
    )
    tell_some(tellers[0], "next")
    async with projecting(log, database) as projector:
        await until(lambda: 0 in projector.failures)
        stopped = projector.failures[0]
        assert stopped.record is not None
        assert (stopped.record.id, stopped.record.sku) == ("next-r0", "next-SKU")
        report = await rebuild(log, database, ORDER, Silent())
        assert differing(report) == {"movements": (0, 1, 1)}
        await until(lambda: not projector.failures)
        tell_some(tellers[0], "end")
        await projector.positions.wait_for({0: tellers[0].end - 2}, WAIT_SECONDS)
    assert await counted(database, movements) == 6 * 6


async def test_readers_hold_up_an_exchange_and_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has begun to read sees the views of before to the end; then the others are live."""
    monkeypatch.setattr("projections.rebuilding.exchange.PAUSE_SECONDS", 0.05)
    log, _ = told()
    await project(log, database)
    await execute(database, _DAMAGE[0])
    query = select(stock.c.on_hand).where(stock.c.sku == "a0-SKU", stock.c.account == "MAIN/A/01")
    async with database.reader() as reader:
        assert (await reader.all(query))[0]["on_hand"] == 58
        running = asyncio.create_task(rebuild(log, database, ORDER, hearing := Silent()))
        if database.is_sqlite:
            await running  # a reader has a file of its own there
        else:
            await until(lambda: any("the exchange waits" in one for one in hearing.said))
        assert (await reader.all(query))[0]["on_hand"] == 58
    assert (await running).swapped
    assert await _damaged(database) == 51
