"""What runs change is published, and what is below its reorder point is seen at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from projections.planning.planner import Planner
from projections.planning.run_orders import Order
from tests.integration.test_planning_runs import RUNS, run
from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready
from tests.waiting import eventually

QUICK: dict[str, Any] = {"forecast": {"enabled": False}, "health": {"enabled": False}}
TODAY = datetime.now(UTC)


@pytest.fixture
async def client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """It stays the same day for runs, however late it becomes meanwhile."""
    monkeypatch.setattr("api.planning.now_ms", lambda: int(TODAY.timestamp() * 1000))
    async with client_of(settings_in(tmp_path, partitions=1)) as client:
        await wait_ready(client)
        yield client


async def trade(client: httpx.AsyncClient, sku: str, quantity: int, days: int = 40) -> str:
    """Receive much and sell so much on each of the last days; the position after it."""

    def at(ago: int) -> str:
        return (TODAY - timedelta(days=ago)).isoformat()

    movements: list[dict[str, Any]] = [
        receipt(sku=sku, quantity="10000", unit_cost="2", occurred_at=at(days))
    ]
    movements += [
        {
            "type": "issue", "sku": sku, "quantity": str(quantity), "location": "MAIN/A/01",
            "occurred_at": at(ago),
        }
        for ago in range(days - 1, 0, -1)
    ]  # fmt: skip
    return await _bulk(client, movements)


async def _bulk(client: httpx.AsyncClient, movements: list[dict[str, Any]]) -> str:
    answer = await client.post("/v1/movements/bulk", json=movements)
    assert {one["status"] for one in answer.json()["results"]} == {"accepted"}, answer.text
    return answer.headers["ledger-position"]


async def changes(client: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    """A page of changes."""
    answer = await client.get("/v1/planning/changes", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def test_changes_are_events(client: httpx.AsyncClient) -> None:
    """Against the published run before; scenarios and the past change nothing."""
    await trade(client, "BIG", 40)
    position = await trade(client, "SMALL", 3)
    first = await run(client, position, **QUICK)
    assert first["publishes"]
    assert await changes(client) == {"items": [], "next_cursor": None}
    await run(client, position, what_if={"demand_percent": 50}, **QUICK)
    yesterday = (TODAY - timedelta(days=1)).date().isoformat()
    await run(client, position, as_of=yesterday, **QUICK)
    again = await run(client, position, **QUICK)
    assert again["digest"] == first["digest"]
    assert (again["previous_run"], again["counts"]["changes"]) == (first["id"], 0)
    position = await trade(client, "SMALL", 200)
    position = await trade(client, "NEW", 1)
    last = await run(client, position, **QUICK)
    assert last["previous_run"] == again["id"]
    page = await changes(client, limit="2")
    rest = await changes(client, cursor=page["next_cursor"])
    events = page["items"] + rest["items"]
    assert len(events) == last["counts"]["changes"]
    assert len({event["id"] for event in events}) == len(events)
    for event in events:
        assert event["specversion"] == "1.0"
        assert event["subject"] == event["data"]["sku"]
        assert (event["data"]["run"], event["data"]["previous_run"]) == (last["id"], again["id"])
    of_small = {event["type"]: event["data"] for event in events if event["subject"] == "SMALL"}
    changed = of_small["planning.class_changed.v1"]
    assert (changed["before"]["abc"], changed["after"]["abc"]) == ("B", "A")
    point = of_small["planning.reorder_point_changed.v1"]
    assert int(point["before"]) < int(point["after"])
    of_new = {event["type"]: event["data"] for event in events if event["subject"] == "NEW"}
    assert of_new["planning.class_changed.v1"]["before"] is None
    only = await changes(client, sku="NEW", type="planning.reorder_point_changed.v1")
    assert [event["data"]["before"] for event in only["items"]] == [None]
    after = await changes(client, cursor=rest["next_cursor"])
    assert after == {"items": [], "next_cursor": rest["next_cursor"]}


async def test_below_the_reorder_point(client: httpx.AsyncClient) -> None:
    """It needs no new run to be seen, and only a published one counts."""
    path = "/v1/planning/below-reorder-point"
    nothing = (await client.get(path)).json()
    assert (nothing["run"], nothing["items"]) == (None, [])
    await trade(client, "B", 30)
    position = await trade(client, "A", 50)
    published = await run(client, position, each_site=False, **QUICK)
    await run(client, position, what_if={"demand_percent": 10_000}, **QUICK)
    assert (await client.get(path)).json()["items"] == []
    rows = (await client.get("/v1/planning/safety-stock")).json()
    assert rows["run"] == published["id"]
    at = {row["sku"]: int(row["reorder_point"]) for row in rows["items"]}
    stock = (await client.get("/v1/stock/A")).json()
    take = int(stock["available"]) - at["A"]
    issue = {"type": "issue", "sku": "A", "location": "MAIN/A/01"}
    position = await _bulk(client, [{**issue, "quantity": str(take)}])
    page = (await client.get(path, params={"min_position": position})).json()
    assert page["items"] == []  # at the point, not below it
    position = await _bulk(client, [{**issue, "quantity": "1"}])
    page = (await client.get(path, params={"min_position": position})).json()
    assert page["run"] == published["id"]
    assert ",".join(f"{one}:{at}" for one, at in page["as_of_position"].items()) == position
    (found,) = page["items"]
    assert (found["sku"], found["site"]) == ("A", None)
    assert int(found["available"]) == at["A"] - 1
    assert found["reorder_point"] == str(at["A"])
    assert found["inventory_position"] == found["available"]
    order = {
        "sku": "A", "quantity": "9000", "supplier": "ACME", "location": "MAIN",
        "expected_at": (TODAY + timedelta(days=9)).isoformat(),
    }  # fmt: skip
    placed = await client.post("/v1/supply-orders", json=order)
    assert placed.status_code == 201, placed.text
    query = {"min_position": placed.headers["ledger-position"]}
    (found,) = (await client.get(path, params=query)).json()["items"]
    assert int(found["inventory_position"]) == int(found["available"]) + 9000
    assert (await client.get(path, params={"sku": "B"})).json()["items"] == []
    check_problem(await client.get(path, params={"cursor": "x"}), 422, "invalid_request")


async def test_below_at_each_site(client: httpx.AsyncClient) -> None:
    """Where sites are planned for themselves, their stock is looked at."""
    position = await trade(client, "A", 30)
    moved = {
        "type": "transfer", "sku": "A", "quantity": "5000", "from_location": "MAIN/A/01",
        "to_location": "EAST",
    }  # fmt: skip
    position = await _bulk(client, [moved])
    await run(client, position, each_site=True, **QUICK)
    path = "/v1/planning/below-reorder-point"
    assert (await client.get(path)).json()["items"] == []
    back = {**moved, "from_location": "MAIN/A/01", "to_location": "EAST/B"}
    stock = (await client.get("/v1/stock", params={"location": "MAIN"})).json()["items"]
    position = await _bulk(client, [{**back, "quantity": stock[0]["on_hand"]}])
    items = (await client.get(path, params={"min_position": position})).json()["items"]
    assert [(one["sku"], one["site"], one["available"]) for one in items] == [("A", "MAIN", "0")]


async def test_a_look_changes_nothing_for_others(client: httpx.AsyncClient) -> None:
    """Lists are of the published run; before there is one, of the newest, whose pages go on."""
    await trade(client, "B", 30)
    position = await trade(client, "A", 50)
    look = await run(client, position, site="MAIN", **QUICK)
    assert not look["publishes"]
    below, abc = "/v1/planning/below-reorder-point", "/v1/planning/abc"
    assert (await client.get(below)).json()["run"] is None
    page = (await client.get(abc, params={"limit": "1"})).json()
    assert page["run"] == look["id"]
    published = await run(client, position, **QUICK)
    assert published["publishes"]
    yesterday = (TODAY - timedelta(days=1)).date().isoformat()
    for wanted in (
        {"site": "MAIN"},
        {"what_if": {"demand_percent": 50}},
        {"as_of": yesterday},
        {"publish": False},
    ):
        other = await run(client, position, **wanted, **QUICK)
        assert not other["publishes"]
        for path in (abc, below, "/v1/planning/replenishment", "/v1/planning/supplier-proposals"):
            assert (await client.get(path)).json()["run"] == published["id"]
        named = (await client.get(abc, params={"run": other["id"]})).json()
        assert named["run"] == other["id"]
    rest = await client.get(abc, params={"limit": "1", "cursor": page["next_cursor"]})
    assert (rest.json()["run"], rest.json()["next_cursor"]) == (look["id"], None)
    newest = await run(client, position, **QUICK)
    assert (await client.get(abc)).json()["run"] == newest["id"]


async def test_two_at_once(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is made, the other is told which."""
    position = await trade(client, "A", 5)
    query = {"wait": "60", "min_position": position}
    others_heard, make = asyncio.Event(), Planner._make

    async def slowly(planner: Planner, order: Order) -> None:
        await others_heard.wait()
        await make(planner, order)

    monkeypatch.setattr(Planner, "_make", slowly)
    asked = [asyncio.create_task(client.post(RUNS, json=QUICK, params=query)) for _ in range(3)]
    await eventually(lambda: sum(one.done() for one in asked) == 2)
    others_heard.set()
    answers = await asyncio.gather(*asked)
    made = [answer for answer in answers if answer.status_code == 201]
    assert len(made) == 1
    for answer in answers:
        if answer not in made:
            problem = check_problem(answer, 409, "run_in_progress")
            assert problem["run"] == made[0].json()["id"]
    assert len((await client.get(RUNS)).json()["items"]) == 1
