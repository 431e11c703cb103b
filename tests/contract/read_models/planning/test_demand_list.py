"""The list of days: every day once, with balances and stock-outs, on pages of one position."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from projections.cursors import InvalidCursor, encode
from projections.database import Database
from projections.planning.demand_list import DemandFilter, day_of, list_demand
from tests.contract.read_models.planning.demand_model import modelled
from tests.contract.read_models.planning.histories import Story
from tests.contract.read_models.projecting import project


async def pages(
    database: Database, wanted: DemandFilter, limit: int, story: Story | None = None
) -> list[dict[str, Any]]:
    """All items; with a story the ledger goes on after every page."""
    found: list[dict[str, Any]] = []
    cursor = None
    positions = []
    while True:
        async with database.reader() as reader:
            page = await list_demand(reader, wanted, limit=limit, cursor=cursor)
        assert page is not None
        assert len(page["items"]) <= limit
        found += page["items"]
        positions.append(page["as_of_position"])
        cursor = page["next_cursor"]
        if cursor is None:
            assert all(one == positions[0] for one in positions)
            return found
        if story is not None and len(positions) < 5:
            story.go_on(5)
            await project(story.log, database)


def by_hand(story: Story, sku: str, end: int) -> list[dict[str, Any]]:
    """Every day of every site, from the slow model."""
    found = []
    picture = modelled({0: story.facts()[0]}, {0: end}).picture
    for (of, site), dates in sorted(picture.items()):
        if of != sku:
            continue
        on_hand = available = 0
        first, last = min(map(date.fromisoformat, dates)), max(map(date.fromisoformat, dates))
        for step in range((last - first).days + 1):
            day = (first + timedelta(days=step)).isoformat()
            amounts = dates.get(day, Counter())
            on_hand += amounts["on_hand_net"]
            available += amounts["available_net"]
            found.append({
                "site": site, "date": day, "issued": amounts["issued"],
                "unmet_lines": amounts["unmet_lines"], "on_hand": on_hand, "available": available,
                "stock_out": available <= 0 or amounts["unmet"] > 0,
            })  # fmt: skip
    return found


def picked(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The part that is compared, numbers as numbers."""
    from fractions import Fraction

    exact = {"issued", "on_hand", "available"}
    names = ("site", "date", "issued", "unmet_lines", "on_hand", "available", "stock_out")
    return [
        {name: Fraction(one[name]) if name in exact else one[name] for name in names}
        for one in items
    ]


async def test_every_day_on_pages_of_one_position(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes in between two pages."""
    monkeypatch.setattr(
        "tests.contract.read_models.planning.histories.DAYS",
        ("2026-01-01", "2025-12-31", "2025-12-20", "2025-11-30"),
    )
    story = Story(11).go_on(150)
    await project(story.log, database)
    wanted, end = DemandFilter("A", 0), story.tellers[0].end
    whole = await pages(database, wanted, 10_000)
    assert picked(whole) == by_hand(story, "A", end)
    assert {one["stock_out"] for one in whole} == {True, False}
    assert await pages(database, wanted, 7, story) == whole
    end = story.tellers[0].end
    now = by_hand(story, "A", end)
    east = await pages(database, wanted._replace(site="EAST"), 10_000)
    assert picked(east) == [one for one in now if one["site"] == "EAST"]
    window = wanted._replace(first_day=day_of("2025-12-10"), until_day=day_of("2025-12-31"))
    cut = await pages(database, window, 10)
    assert cut
    assert picked(cut) == [one for one in now if "2025-12-10" <= one["date"] < "2025-12-31"]
    beyond = wanted._replace(first_day=day_of("2026-03-01"), until_day=day_of("2026-03-03"))
    assert [one["date"] for one in await pages(database, beyond, 10)][:2] == [
        "2026-03-01", "2026-03-02",
    ]  # fmt: skip


async def test_nobody_and_bad_cursors(database: Database) -> None:
    """None for what was never seen; a page of nothing for what was only described."""
    story = Story(1)
    story.tellers[0].define("described", "d1")
    await project(story.log, database)
    async with database.reader() as reader:
        for sku in ("none", "\0"):
            assert await list_demand(reader, DemandFilter(sku, 0), limit=5) is None
        page = await list_demand(reader, DemandFilter("described", 0), limit=5)
        assert page is not None
        assert (page["items"], page["next_cursor"]) == ([], None)
        ahead = encode(10_000, "MAIN", 0)
        for cursor in ("nonsense", ahead, encode(-1, "MAIN", 0), encode("MAIN", 0)):
            with pytest.raises(InvalidCursor):
                await list_demand(reader, DemandFilter("described", 0), limit=5, cursor=cursor)


@pytest.mark.parametrize("wrong", ["20261122", "2026-11-31", "2026-W47-7", "", "0000-01-01", "1"])
def test_what_is_no_date(wrong: str) -> None:
    """One form, and a day of the calendar."""
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says it in its own words
        day_of(wrong)
    assert (day_of("1970-01-01"), day_of("1969-12-31"), day_of("2026-01-01")) == (0, -1, 20454)
