"""Stock at any moment is what a plain fold over the movements says, wherever checkpoints are."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.domain.codes import instant
from ledger.domain.movements import Issue, Receipt
from projections.database import Database
from projections.history import blocks, new_blocks
from projections.history.balances import Balances, balances_at
from projections.history.blocks import Shape
from projections.history.catching_up import catch_up
from projections.history.moments import Moment, resolve
from projections.history.tables import history_blocks, history_slices
from projections.schema import metadata
from tests.contract.read_models.cases import MemoryLog, Teller
from tests.contract.read_models.history.model import Told, folded, movements, without_zeros
from tests.contract.read_models.planning.histories import SKUS, Story
from tests.contract.read_models.projecting import count, project

ALL_SKUS = [sku for several in SKUS for sku in several]
# So small that a short history has blocks of every level, and several of the highest.
SMALL = Shape(block=3, fan_out=2, level_max=2, slice=2)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SHAPE", SMALL)


async def emptied(database: Database, *only: str) -> None:
    """Forget everything, or what is in these tables."""
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        for name in only or [table.name for table in metadata.sorted_tables]:
            await connection.execute(text(f"DELETE FROM {name}"))
    await engine.dispose()


async def without_checkpoints(database: Database) -> None:
    """Forget the checkpoints alone."""
    await emptied(
        database, "history_skus", "history_blocks", "history_slices",
        "view_positions WHERE view_group = 'history'",
    )  # fmt: skip


async def answered(database: Database, moments: Sequence[Moment]) -> list[dict[str, Balances]]:
    """What the views say at these moments."""
    async with database.reader() as reader:
        return [without_zeros(await balances_at(reader, ALL_SKUS, one)) for one in moments]


def drawn(told: Sequence[Told], story: Story, chance: random.Random) -> list[Moment]:
    """Moments of every kind: by either clock, by both, at the edge of a movement and anywhere."""
    found = []
    for _ in range(2):
        until = {teller.partition: chance.randint(0, teller.end) for teller in story.tellers}
        ends = {teller.partition: teller.end for teller in story.tellers}
        moved = chance.choice(told)[1] if told else None
        instant = moved.occurred_us if moved else 0
        offset = moved.offset + chance.choice((0, 1)) if moved else 0
        before = chance.choice(((instant, offset), (instant + chance.choice((-1, 0, 1)), 0)))
        found += [Moment(until), Moment(ends, before), Moment(until, before)]
    return [*found, Moment({}), Moment({0: 0, 1: 0}), Moment({0: 10**9, 1: 10**9}, (-(2**62), 0))]


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32), records=st.integers(5, 60))
async def test_any_moment_of_any_history(database: Database, seed: int, records: int) -> None:
    """With late and backdated movements and reversals; without checkpoints, with some that are
    behind, with all, and without them again."""
    await emptied(database)
    story = Story(seed).go_on(60)
    await project(story.log, database)
    chance = random.Random(seed)
    moments = drawn(movements(story.facts()), story, chance)
    early = [folded(movements(story.facts()), one) for one in moments]
    assert await answered(database, moments) == early
    await catch_up(database, records_max=records)
    assert await answered(database, moments) == early
    story.go_on(60)
    await project(story.log, database)
    told = movements(story.facts())
    moments = [*moments, *drawn(told, story, chance)]
    expected = [folded(told, one) for one in moments]
    assert await answered(database, moments) == expected  # the checkpoints are behind
    await catch_up(database, records_max=records)
    assert await count(database, history_blocks) > 0
    assert await answered(database, moments) == expected
    await without_checkpoints(database)
    assert await answered(database, moments) == expected


async def test_checkpoints_are_the_same_however_they_were_made(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, bit by bit, few or many of them together, by several at a time: the same rows."""
    monkeypatch.setattr(new_blocks, "BLOCKS_AT_A_TIME", 2)
    monkeypatch.setattr(new_blocks, "SKUS_AT_A_TIME", 3)
    story = Story(11).go_on(100)
    await project(story.log, database)
    await asyncio.gather(*(catch_up(database, records_max=20) for _ in range(3)))
    for _ in range(3):
        story.go_on(70)
        await project(story.log, database)
        await asyncio.gather(*(catch_up(database, records_max=30) for _ in range(2)))
    await catch_up(database)
    bit_by_bit = await _slices(database)
    await without_checkpoints(database)
    monkeypatch.undo()
    monkeypatch.setattr(blocks, "SHAPE", SMALL)
    await catch_up(database)
    at_once = await _slices(database)
    assert {level for _, level, *_ in at_once} == {0, 1, 2}
    assert bit_by_bit == at_once


async def _slices(database: Database) -> list[tuple[object, ...]]:
    s = history_slices.c
    order = s.sku, s.level, s.number, s.slice
    async with database.reader() as reader:
        rows = await reader.all(history_slices.select().order_by(*order))
    return [
        (row["sku"], row["level"], row["number"], row["slice"], row["first_occurred_us"],
         row["first_offset"], bytes(row["sums"]), bytes(row["entries"]))
        for row in rows
    ]  # fmt: skip


async def test_sums_beyond_64_bits(database: Database) -> None:
    """By occurrence ten times the largest quantity may have come before any of it left."""
    log = MemoryLog(1)
    teller = Teller(log)
    early, late = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"
    for number in range(10):
        fields: dict[str, Any] = {"sku": "A", "quantity": str(10**18), "location": "MAIN"}
        teller.tell(Receipt(id=f"r{number}", occurred_at=early, **fields))
        teller.tell(Issue(id=f"i{number}", occurred_at=late, **fields))
    await project(log, database)
    noon = instant(early)
    assert isinstance(noon, int)
    for checkpoints in (False, True):
        if checkpoints:
            await catch_up(database)
            assert await count(database, history_blocks) == 6
        async with database.reader() as reader:
            moment = await resolve(reader, as_of_us=noon)
            found = await balances_at(reader, ["A"], moment)
            now = await balances_at(reader, ["A"], await resolve(reader))
        assert found["A"].keys == {("MAIN", "", "available"): 10**19}
        assert now["A"].on_hand == 0


async def test_checkpoints_of_another_ledger_are_not_used(database: Database) -> None:
    """Views that were made anew from another log have no use for them."""
    story = Story(12).go_on(150)
    await project(story.log, database)
    await catch_up(database)
    moment = Moment({teller.partition: teller.end for teller in story.tellers})
    expected = [folded(movements(story.facts()), moment)]
    await _execute(database, "UPDATE history_slices SET sums = entries")
    with pytest.raises(ValueError, match="unpack"):
        await answered(database, [moment])
    await _execute(
        database, "UPDATE view_positions SET ledger_id = 'other' WHERE view_group = 'history'"
    )
    assert await answered(database, [moment]) == expected


async def _execute(database: Database, statement: str) -> None:
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


async def test_what_the_views_have_lost_is_in_no_answer(database: Database) -> None:
    """Checkpoints that are ahead of views made anew are used as far as the views are."""
    story = Story(13).go_on(150)
    await project(story.log, database)
    await catch_up(database)
    ends = {teller.partition: teller.end // 2 for teller in story.tellers}
    for partition, end in ends.items():
        await _execute(
            database,
            f"UPDATE view_positions SET position = {end}"
            f" WHERE view_group = 'core' AND partition = {partition}",
        )
        await _execute(
            database,
            f"DELETE FROM movements WHERE partition = {partition} AND log_offset >= {end}",
        )
    async with database.reader() as reader:
        moment = await resolve(reader, as_of_us=2**60)
    assert moment.until == ends
    expected = [folded(movements(story.facts()), moment)]
    assert await answered(database, [moment]) == expected
    await catch_up(database)
    assert await answered(database, [moment]) == expected


async def test_instants_and_positions_become_moments(database: Database) -> None:
    """Both ends included; what is beyond the views is theirs, and before the first is nothing."""
    story = Story(14).go_on(80)
    await project(story.log, database)
    ends = {teller.partition: teller.end for teller in story.tellers}
    told = [one for one in movements(story.facts()) if one[0] == 0]
    async with database.reader() as reader:
        assert (await resolve(reader)).until == ends
        for _, moved in told:
            known = await resolve(reader, as_known_at_ms=moved.recorded_ms, partitions=[0])
            assert known.until == {0: moved.offset + 1}
            before = await resolve(reader, as_known_at_ms=moved.recorded_ms - 1, partitions=[0])
            assert before.until[0] <= moved.offset
        known_ms, last = told[5][1].recorded_ms, told[3][1].offset
        both = await resolve(reader, as_known_at_ms=known_ms, positions={0: last})
        assert both.until[0] == last + 1
        far = await resolve(reader, positions={0: 10**17, 7: 1})
        assert far.until == ends
        nothing = await resolve(reader, as_known_at_ms=0)
        assert nothing.as_of_position == {"0": -1, "1": -1}
