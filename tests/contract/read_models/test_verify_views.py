"""The views against the log, row by row, on both databases."""

from collections.abc import Sequence

import msgspec
import pytest
from sqlalchemy import Table, text

from ops.findings import Finding
from ops.verify.partition import PartitionReport, Sources, verify_partition
from ops.verify.strays import check_strays
from ops.verify.tables import DEMAND, HISTORY, NOT_VERIFIED, PLANNING, WITH_PARTITION
from projections import schema
from projections.database import Database
from projections.history import blocks
from projections.history import catching_up as history
from projections.planning.catching_up import catch_up
from tests.contract.read_models.cases import MemoryLog
from tests.contract.read_models.history.test_balances import SMALL
from tests.contract.read_models.planning.test_catching_up import change
from tests.contract.read_models.projecting import project
from tests.tampering.world import World

# A table, the condition of its rows, what is done to the first of them, and what must be said.
BY_HAND: Sequence[tuple[str, str, str, str]] = (
    ("movements", "type = 'pick'", "UPDATE {} SET quantity = quantity + 1", "quantity is"),
    ("movements", "type = 'transfer'", "DELETE FROM {}", "the row is missing"),
    ("movements", "type = 'scrap'", "UPDATE {} SET log_offset = 99999", "the row is missing"),
    ("movements", "reversed_by IS NOT NULL", "UPDATE {} SET reversed_by = NULL", "missing"),
    ("movements", "type = 'issue'", "UPDATE {} SET command = '{{}}'", "command is"),
    ("refusals", "partition = 1", "UPDATE {} SET detail = 'no reason'", "'no reason'"),
    ("item_definitions", "partition = 0", "UPDATE {} SET document = '{{}}'", "document is"),
    ("items", "partition = 0", "UPDATE {} SET document = '{{}}'", "document is"),
    ("items", "partition = 1", "UPDATE {} SET partition = 77", "no such partition"),
    ("void_records", "partition = 0", "UPDATE {} SET stated = 1", "stated is 1"),
    ("void_records", "partition = 1", "DELETE FROM {}", "the row is missing"),
    ("stock", "account = '@supplier'", "UPDATE {} SET on_hand = on_hand + 1", "amount is"),
    ("stock", "account = '@customer'", "UPDATE {} SET overflows = 1", "amount is"),
    ("stock", "account = 'STAGE'", "DELETE FROM {}", "the row is missing"),
    ("stock", "lot = 'L/1'", "UPDATE {} SET lot = 'L9'", "the row is missing"),
    ("sku_totals", "partition = 1", "UPDATE {} SET value = value - 1", "value is"),
    ("supply_orders", "state = 'open'", "UPDATE {} SET received = 3", "received is 3"),
    ("supply_changes", "kind = 'changed'", "UPDATE {} SET quantity = 9", "quantity is 9"),
    ("supply_receipts", "quantity > 0", "DELETE FROM {}", "the row is missing"),
    ("sku_days", "issued IS NOT NULL", "UPDATE {} SET issued = issued + 1", "issued is"),
    ("reason_days", "reason = 'lost'", "DELETE FROM {}", "the row is missing"),
    ("history_skus", "partition = 0", "UPDATE {} SET counted = counted + 1", "counted is"),
    ("history_blocks", "number = 0", "UPDATE {} SET last_offset = 1", "last_offset is 1"),
    ("history_slices", "level = 1", "DELETE FROM {}", "the row is missing"),
    ("history_slices", "level = 0", "UPDATE {} SET entries = sums", "entries is"),
    ("view_positions", "view_group = 'core'", "UPDATE {} SET head = 'f'", "they continue f"),
)


async def spoil(database: Database, table: Table, condition: str, statement: str) -> str:
    """Do something to the first row of a table that meets a condition; how verify names it."""
    keys = [column.name for column in table.primary_key]
    query = (
        f"SELECT {', '.join(keys)} FROM {table.name} WHERE {condition} ORDER BY {', '.join(keys)}"
    )
    async with database.reader() as reader:
        row = await reader.first(text(f"{query} LIMIT 1"))
    assert row is not None, (table.name, condition)
    where = " AND ".join(f"{key} = {_literal(row[key])}" for key in keys)
    await change(database, f"{statement.format(table.name)} WHERE {where}")
    if "series" not in keys:
        return f"{table.name} {', '.join(map(repr, row.values()))}"
    async with database.reader() as reader:
        series = await reader.first(text(f"SELECT * FROM sku_sites WHERE series = {row['series']}"))
    assert series is not None
    named = [series["sku"], series["site"], *list(row.values())[1:]]
    return f"{table.name} {', '.join(map(repr, named))}"


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Balance checkpoints after a few movements."""
    monkeypatch.setattr(blocks, "SHAPE", SMALL)


async def verified(log: MemoryLog, database: Database) -> list[PartitionReport]:
    """Every partition."""
    return [
        await verify_partition(Sources(log, database, kept_max=1_000), partition)
        for partition in range(log.partitions)
    ]


def found(reports: list[PartitionReport]) -> list[Finding]:
    """Everything that is wrong."""
    return [one for report in reports for one in report.findings.kept]


def test_every_table_is_verified_or_said_not_to_be() -> None:
    """A new table of the views has to be thought of."""
    names = {table.name for table in (*WITH_PARTITION, *DEMAND, *HISTORY)}
    others = {name for name in schema.metadata.tables if not name.startswith(PLANNING)}
    assert names | NOT_VERIFIED.keys() == others
    assert not names & NOT_VERIFIED.keys()


async def test_sound_views_are_found_to_be_sound(database: Database, small: None) -> None:
    """At the position they have, also while the log has gone on, and the demand view behind."""
    world = World(seed=7, partitions=2).go_on(300)
    await project(world.log, database)
    await catch_up(database)
    await history.catch_up(database)
    world.go_on(100)
    reports = await verified(world.log, database)
    assert found(reports) == []
    position = [one.views_until for one in reports]
    assert position == [one.demand_until for one in reports]
    assert position == [one.history_until for one in reports]
    assert all(one.views_until and one.views_until < one.end for one in reports)
    await project(world.log, database)
    reports = await verified(world.log, database)
    assert found(reports) == []
    assert [one.views_until for one in reports] == [one.end for one in reports]
    assert [one.demand_until for one in reports] == position
    assert await check_strays(database, 2) == []


async def test_each_row_altered_by_hand_is_named(database: Database, small: None) -> None:
    """A row of every table, changed, deleted or moved."""
    world = World(seed=8, partitions=2).go_on(500)
    await project(world.log, database)
    await catch_up(database)
    await history.catch_up(database)
    named = [
        (await spoil(database, schema.metadata.tables[table], condition, statement), said)
        for table, condition, statement, said in BY_HAND
    ]
    await change(database, "INSERT INTO sku_sites VALUES (9999, 'NO SKU', 'NO SITE', 0)")
    wrong = found(await verified(world.log, database)) + await check_strays(database, 2)
    for where, said in named:
        mine = [one for one in wrong if one.where == where]
        assert any(said in one.text for one in mine), (where, said, mine)
    assert [one.where for one in wrong if "99999" in one.where] == ["movements 0, 99999"]
    assert [one.text for one in wrong if "'L9'" in one.where] == [
        "nothing in the log makes this row"
    ]
    assert [one.where for one in wrong if "NO SKU" in one.where]
    assert {one.code for one in wrong} == {"view_differs"}


@pytest.mark.parametrize(
    ("group", "table"),
    [("core", "movements"), ("demand", "sku_sites"), ("history", "history_skus")],
)
async def test_rows_without_a_position_are_named(
    database: Database, small: None, group: str, table: str
) -> None:
    """Whoever alters views could else delete what says up to where they are compared."""
    world = World(seed=10, partitions=2).go_on(100)
    await project(world.log, database)
    await catch_up(database)
    await history.catch_up(database)
    await change(
        database, f"DELETE FROM view_positions WHERE view_group = '{group}' AND partition = 1"
    )
    (one,) = found(await verified(world.log, database))
    assert (one.code, one.where) == ("view_differs", f"view_positions '{group}', 1")
    assert f"{table} has rows" in one.text


async def test_rows_beside_the_log_are_named(database: Database) -> None:
    """At offsets that no log has."""
    world = World(seed=11, partitions=1).go_on(60)
    await project(world.log, database)
    names = ", ".join(column.name for column in schema.metadata.tables["refusals"].columns[2:])
    row = "SELECT 0, {}, 1, 'i', 'S', 't', 'f', 'c', 'd', '[]', NULL, NULL, NULL, NULL"
    for offset in (-7, 2**62 + 1):
        await change(
            database,
            f"INSERT INTO refusals (partition, log_offset, {names}) {row.format(offset)}",
        )
    wrong = found(await verified(world.log, database))
    assert {one.where for one in wrong} == {f"refusals 0, {offset}" for offset in (-7, 2**62 + 1)}
    assert {one.text for one in wrong} == {"nothing in the log makes this row"}


async def test_views_ahead_of_the_log_and_of_another_ledger(database: Database) -> None:
    """A log that lost its past, and views that were made from another one."""
    world = World(seed=9, partitions=1).go_on(50)
    await project(world.log, database)
    whole = world.log.records[0]
    shorter = MemoryLog(1)
    shorter.records = [whole[:-3]]
    codes = {one.code for one in found(await verified(shorter, database))}
    assert "ahead_of_log" in codes
    await change(database, "UPDATE view_positions SET ledger_id = 'another'")
    codes = {one.code for one in found(await verified(world.log, database))}
    assert codes == {"other_ledger"}


async def test_the_row_of_a_changed_record_is_not_called_missing(database: Database) -> None:
    """The next record tells that it was changed; views are compared in front of it only."""
    world = World(seed=9, partitions=1).go_on(200)
    await project(world.log, database)
    records = world.log.records[0]
    sign = b'"quantity":"'
    at = next(n for n, one in enumerate(records) if n > 100 and sign in one.value)
    value = records[at].value.replace(sign, sign + b"1", 1)
    records[at] = msgspec.structs.replace(records[at], value=value)
    wrong = found(await verified(world.log, database))
    assert ("chain_broken", f"0:{at}") in [(one.code, one.where) for one in wrong]
    assert [one for one in wrong if one.code == "view_differs"] == []
