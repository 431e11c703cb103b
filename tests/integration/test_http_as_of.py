"""Moments over HTTP, embedded: what was, what was known, and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        yield client


async def write(client: httpx.AsyncClient, **movement: Any) -> tuple[str, str]:
    """Record a movement; its position and when it was recorded."""
    answer = await client.post("/v1/movements", json=receipt(**movement))
    assert answer.status_code == 201, answer.text
    return answer.headers["ledger-position"], answer.json()["movement"]["recorded_at"]


async def read(client: httpx.AsyncClient, path: str, **query: str) -> Any:
    """A good answer."""
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def story(client: httpx.AsyncClient) -> dict[str, tuple[str, str]]:
    """Ten came on the 1st, four left on the 2nd, and five had come on the 3rd already, of which
    two were picked on the 2nd by the same book."""
    told = {}
    for name, movement in (
        ("ten", {"quantity": "10", "occurred_at": "2026-01-01T12:00:00Z", "unit_cost": "2"}),
        ("four", {"type": "issue", "quantity": "4", "occurred_at": "2026-01-02T12:00:00Z"}),
        ("late", {"quantity": "5", "occurred_at": "2026-01-03T12:00:00Z", "location": "MAIN/B",
                  "unit_cost": "2"}),
        ("two", {"type": "issue", "quantity": "2", "location": "MAIN/B",
                 "occurred_at": "2026-01-02T13:00:00Z"}),
    ):  # fmt: skip
        told[name] = await write(client, id=name, **movement)
    return told


async def test_the_two_clocks(client: httpx.AsyncClient) -> None:
    """Each alone and both together, of a SKU, of the lists, and of value; negative is flagged."""
    told = await story(client)
    last = {"min_position": told["two"][0]}
    noon = await read(client, "/v1/stock/A", as_of="2026-01-02T12:00:00Z", **last)
    assert (noon["on_hand"], noon["value"], noon["negative"]) == ("6", "12", False)
    assert noon["as_of"] == "2026-01-02T12:00:00Z"
    evening = await read(client, "/v1/stock/A", as_of="2026-01-02T20:00:00Z", **last)
    assert (evening["on_hand"], evening["negative"]) == ("4", True)
    assert [(one["location"], one["on_hand"], one["negative"]) for one in evening["positions"]] == [
        ("MAIN/A/01", "6", False),
        ("MAIN/B", "-2", True),
    ]
    partition, offset = told["four"][0].split(":")
    for moment in ({"as_of_position": told["four"][0]}, {"as_known_at": told["four"][1]}):
        known = await read(client, "/v1/stock/A", **moment)
        # Two may be recorded in the same millisecond.
        assert known["as_of_position"][partition] >= int(offset)
    known = await read(client, "/v1/stock/A", as_of_position=told["late"][0])
    assert (known["on_hand"], known["as_of_position"]) == ("11", {partition: int(offset) + 1})
    both = {"as_of": "2026-01-02T20:00:00Z", "as_of_position": told["late"][0]}
    assert (await read(client, "/v1/stock/A", **both))["on_hand"] == "6"
    lines = await read(client, "/v1/stock", **both)
    assert [(one["location"], one["on_hand"]) for one in lines["items"]] == [("MAIN/A/01", "6")]
    assert lines["as_of_position"][partition] == int(offset) + 1
    same = await read(client, "/v1/stock", sku="A", **both)
    assert same == await read(client, "/v1/stock/A", **both)
    worth = await read(client, "/v1/stock-value", **both)
    assert worth["items"] == [{"sku": "A", "on_hand": "6", "value": "12", "negative": False}]
    listed = await read(client, "/v1/movements", **both)
    assert [one["id"] for one in listed["items"]] == ["four", "ten"]
    assert listed["as_of"] == both["as_of"]
    now = await read(client, "/v1/stock/A")
    assert (now["on_hand"], "as_of" in now) == ("9", False)


async def test_history(client: httpx.AsyncClient) -> None:
    """Newest first with running balances, by recording and by occurrence; of one place; paged."""
    told = await story(client)
    last = {"min_position": told["two"][0]}
    path = "/v1/stock/A/history"

    def shown(page: Any) -> list[tuple[str, str, str]]:
        return [
            (item["id"], item["on_hand"], item["changes"][0]["balance"]) for item in page["items"]
        ]

    recorded = await read(client, path, **last)
    assert shown(recorded) == [
        ("two", "9", "3"), ("late", "11", "5"), ("four", "6", "6"), ("ten", "10", "10"),
    ]  # fmt: skip
    occurred = await read(client, path, order="occurred")
    assert shown(occurred) == [
        ("late", "9", "3"), ("two", "4", "-2"), ("four", "6", "6"), ("ten", "10", "10"),
    ]  # fmt: skip
    assert [one["changes"][0]["negative"] for one in occurred["items"]] == [0, 1, 0, 0]
    then = await read(client, path, as_of="2026-01-02T20:00:00Z")
    assert shown(then) == shown(occurred)[1:]
    place = await read(client, "/v1/stock-history", sku="A", location="MAIN/B")
    assert shown(place) == [("two", "9", "3"), ("late", "11", "5")]
    first = await read(client, path, limit="3")
    rest = await read(client, path, limit="3", cursor=first["next_cursor"])
    assert shown(first) + shown(rest) == shown(recorded)
    assert rest["next_cursor"] is None


async def test_the_past_is_answered_for_good(client: httpx.AsyncClient) -> None:
    """What was known at an instant includes everything the log has; before the first is nothing."""
    await write(client, id="r1", quantity="1")
    _, recorded_at = await write(client, id="r2", quantity="2")
    # No `min_position`: an instant of recording waits by itself.
    known = await read(client, "/v1/stock/A", as_known_at=recorded_at)
    assert known["on_hand"] == "3"
    for early in ({"as_of": "1000-01-01T00:00:00Z"}, {"as_known_at": "1000-01-01T00:00:00Z"}):
        nothing = await read(client, "/v1/stock/A", **early)
        assert (nothing["on_hand"], nothing["value"], nothing["positions"]) == ("0", "0", [])
        assert (await read(client, "/v1/stock", **early))["items"] == []
        assert (await read(client, "/v1/movements", **early))["items"] == []
        assert (await read(client, "/v1/stock/A/history", **early))["items"] == []
    far = await read(client, "/v1/stock/A", as_of="9999-12-31T23:59:59.999999Z")
    assert far["on_hand"] == "3"


async def test_the_position_of_an_answer_can_be_given_back(client: httpx.AsyncClient) -> None:
    """Also where nothing counted: -1 is before the first record, and stays so."""
    position, _ = await write(client, id="r1")
    early = {"as_known_at": "1000-01-01T00:00:00Z", "min_position": position}
    for path in ("/v1/stock/A", "/v1/stock", "/v1/stock/A/history", "/v1/movements"):
        first = await read(client, path, **early)
        given = {one: str(last) for one, last in first["as_of_position"].items()}
        assert set(given.values()) == {"-1"}
        back = ",".join(f"{one}:{last}" for one, last in given.items())
        assert await read(client, path, as_of_position=back, **early) == first
        again = await read(client, path, as_of_position=back)
        assert again.get("on_hand", "0") == "0"
        assert again.get("items", []) == []
    for wrong in ("0:-2", "0:-01", "0:-"):
        check_problem(
            await client.get("/v1/stock", params={"as_of_position": wrong}), 422, "invalid_request"
        )
    below = await client.get("/v1/stock", params={"min_position": "0:-1"})
    check_problem(below, 422, "invalid_request")


async def test_wrong_moments_are_refused(client: httpx.AsyncClient) -> None:
    """Each with a code, and in all lists."""
    position, _ = await write(client, id="r")
    await read(client, "/v1/stock/A", min_position=position)
    partition = int(position.split(":")[0])
    other = f"{1 - partition}:0"
    paths = ("/v1/stock", "/v1/stock/A", "/v1/stock/A/history", "/v1/stock-value", "/v1/movements")
    for path in paths:
        for query, code in (
            ({"as_of": "yesterday"}, "invalid_time"),
            ({"as_known_at": "2026-13-01T00:00:00Z"}, "invalid_time"),
            ({"as_of": "2026-01-01T00:00:00"}, "invalid_time"),
            ({"as_of_position": "x"}, "invalid_request"),
            ({"as_of_position": f"{partition}:99999"}, "invalid_request"),
            ({"as_of_position": "99:0"}, "invalid_request"),
            ({"as_of_position": f"{partition}:0,{partition}:1"}, "invalid_request"),
            ({"cursor": "!"}, "invalid_request"),
        ):
            if "cursor" in query and path == "/v1/stock/A":
                continue
            check_problem(await client.get(path, params=query), 422, code)
    of_sku = {"as_of_position": other}
    for path in ("/v1/stock/A", "/v1/stock/A/history"):
        check_problem(await client.get(path, params=of_sku), 422, "invalid_request")
    at = {"as_of": "2026-01-01T00:00:00Z"}
    for path in ("/v1/stock/never", "/v1/stock/never/history"):
        check_problem(await client.get(path, params=at), 404, "not_found")
    atp = {**at, "atp_date": "2026-01-01"}
    check_problem(await client.get("/v1/stock/A", params=atp), 422, "invalid_request")
    order = {"order": "sideways"}
    check_problem(await client.get("/v1/stock/A/history", params=order), 422, "invalid_request")
    check_problem(await client.get("/v1/stock-history"), 422, "invalid_request")
