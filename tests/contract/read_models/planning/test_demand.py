"""The demand view says what a slow model of the same facts says, at every position."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from projections.database import Database
from projections.planning import demand_rules
from projections.planning.catching_up import catch_up, open_demand_store
from projections.planning.columns import COLUMNS
from projections.planning.days import Days
from projections.planning.demand_rules import Slice
from projections.planning.reading import Wanted, read_days, read_upto
from projections.planning.reason_reading import read_reasons
from projections.tables import metadata
from tests.contract.read_models.planning.demand_model import (
    modelled,
    picture_of,
    reasons_of,
    without_zeros,
)
from tests.contract.read_models.planning.histories import Story
from tests.contract.read_models.projecting import project

COMMANDS = 60


async def emptied(database: Database) -> None:
    """Forget everything, as if the tables had just been made."""
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        for table in metadata.sorted_tables:
            await connection.execute(text(f"DELETE FROM {table.name}"))
    await engine.dispose()


async def read(database: Database, upto: Mapping[int, int] | None, **wanted: Any) -> Days:
    """Read at a position."""
    async with database.reader() as reader:
        return await read_days(reader, upto, Wanted(**wanted))


async def check(database: Database, story: Story, upto: Mapping[int, int] | None = None) -> Days:
    """Compare with the model at a position, or at the end."""
    async with database.reader() as reader:
        ends = await read_upto(reader)
        days = await read_days(reader, upto)
        reasons = await read_reasons(reader, upto)
    assert ends == {teller.partition: teller.end for teller in story.tellers}
    expected = modelled(story.facts(), ends if upto is None else upto)
    assert without_zeros(picture_of(days)) == without_zeros(expected.picture)
    assert reasons_of(reasons) == {key: one for key, one in expected.reasons.items() if one}
    return days


def same(one: Days, other: Days) -> None:
    """Equal to the last digit, names and scales included."""
    assert (list(one.skus), list(one.sites)) == (list(other.skus), list(other.sites))
    assert one.scales.tolist() == other.scales.tolist()
    assert one.starts.tolist() == other.starts.tolist()
    assert one.day.tolist() == other.day.tolist()
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        assert column.tolist() == other.columns[name].tolist()


def a_position(story: Story, chance: random.Random) -> dict[int, int]:
    """Any position that the views have read."""
    return {teller.partition: chance.randint(0, teller.end) for teller in story.tellers}


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32), records=st.integers(1, 40))
async def test_any_history_at_any_position(database: Database, seed: int, records: int) -> None:
    """Tables that are behind, in the middle of catching up, and ahead give the same answers."""
    await emptied(database)
    story = Story(seed).go_on(COMMANDS)
    chance = random.Random(seed)
    await project(story.log, database)
    asked = [a_position(story, chance) for _ in range(3)]
    before = [await check(database, story, upto) for upto in (None, *asked)]
    store = open_demand_store(database)
    partition = chance.randrange(2)
    assert await store.fold(Slice(partition, 0, min(records, story.tellers[partition].end)))
    await store.close()
    between = [await check(database, story, upto) for upto in (None, *asked)]
    ends = await catch_up(database, records_max=records)
    assert ends == {teller.partition: teller.end for teller in story.tellers}
    after = [await check(database, story, upto) for upto in (None, *asked)]
    for one, two, three in zip(before, between, after, strict=True):
        same(one, two)
        same(one, three)


async def test_two_at_once_change_nothing_twice(database: Database) -> None:
    """Each slice is taken in by one of them."""
    story = Story(1).go_on(300)
    await project(story.log, database)
    await asyncio.gather(*(catch_up(database, records_max=17) for _ in range(4)))
    await check(database, story)
    # They go on while the ledger does.
    for _ in range(3):
        story.go_on(50)
        await project(story.log, database)
        await asyncio.gather(*(catch_up(database, records_max=11) for _ in range(2)))
        await check(database, story)


async def test_views_built_anew_give_the_same_digits(database: Database) -> None:
    """Whatever was in one slice then, and is in another now."""
    story = Story(2).go_on(300)
    await project(story.log, database)
    await catch_up(database, records_max=7)
    upto = a_position(story, random.Random(3))
    before = await check(database, story), await check(database, story, upto)
    story.go_on(40)
    await emptied(database)
    await project(story.log, database)
    await catch_up(database)
    same(before[1], await check(database, story, upto))
    ends = {one.partition: one.end for one in Story(2).go_on(300).tellers}
    same(before[0], await check(database, story, ends))


async def test_what_is_wanted_is_what_is_read(database: Database) -> None:
    """Columns, SKUs, a site and days are chosen; nothing else differs."""
    story = Story(5).go_on(200)
    await project(story.log, database)
    await catch_up(database)
    story.go_on(30)
    await project(story.log, database)
    upto = {0: story.tellers[0].end - 20, 1: story.tellers[1].end}
    whole = await check(database, story, upto)
    few = await read(database, upto, columns=("issued", "unmet"), skus={"A", "none"})
    assert set(few.skus) == {"A"}
    assert list(few.columns) == ["issued", "unmet"]
    rows = np.array([sku == "A" for sku in whole.skus])[whole.series()]
    assert few.columns["issued"].tolist() == whole.columns["issued"][rows].tolist()
    of_site = await read(database, upto, site="EAST")
    assert of_site.skus
    assert set(of_site.sites) == {"EAST"}
    rows = np.array([site == "EAST" for site in whole.sites])[whole.series()]
    for name in COLUMNS:
        assert of_site.columns[name].tolist() == whole.columns[name][rows].tolist()
    early = await read(database, upto, until_day=0)
    assert early.day.max() == -1
    assert len(early.day) == (whole.day < 0).sum()
    async with database.reader() as reader:
        every = reasons_of(await read_reasons(reader, upto))
        some = await read_reasons(reader, upto, Wanted(skus={"A"}, site="MAIN", until_day=0))
    expected = {
        key: amount for key, amount in every.items() if key[:2] == ("A", "MAIN") and key[2] < "1970"
    }
    assert expected
    assert reasons_of(some) == expected
    many = await read(database, upto, skus=[*whole.skus, *(f"none {n}" for n in range(600))])
    same(many, whole)
    for nothing in ({"skus": ()}, {"skus": {"none"}}, {"site": "none"}, {"skus": {"\0"}}):
        assert len(await read(database, upto, **nothing)) == 0


@pytest.mark.parametrize("upto", [None, {}, {0: 1, 1: 1}])
async def test_nothing_happened(database: Database, upto: dict[int, int] | None) -> None:
    """No rows, and no error."""
    story = Story(4)
    await project(story.log, database)
    await catch_up(database)
    days = await read(database, upto)
    assert len(days) == 0
    assert days.starts.tolist() == [0]
    assert len(days.by_sku()) == 0
    assert days.sums("issued").tolist() == []


async def test_few_skus_of_a_long_slice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked for by another index, and are the same."""
    story = Story(6).go_on(150)
    await project(story.log, database)
    whole = await read(database, None, skus={"A"})
    monkeypatch.setattr(demand_rules, "BY_OFFSET_MAX", 10)
    same(await read(database, None, skus={"A"}), whole)
    assert len(whole)
