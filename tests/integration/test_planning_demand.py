"""Demand over HTTP, embedded."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready

URL = "/v1/planning/demand"
LARGEST = "999999999999999999"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        yield client


async def write(client: httpx.AsyncClient, **movement: Any) -> str:
    """Send a movement, which may be refused; its position."""
    answer = await client.post("/v1/movements", json=receipt(**movement))
    assert answer.status_code in (201, 409), answer.text
    position: str = answer.headers["ledger-position"]
    return position


async def test_demand_by_day(client: httpx.AsyncClient) -> None:
    """Of a SKU with decimals: issued, reversed, refused, returned, at two sites."""
    item = {"scale": 2, "unit_cost": "2"}
    assert (await client.put("/v1/items", params={"sku": "A"}, json=item)).is_success
    first: dict[str, Any]
    second: dict[str, Any]
    first, second = ({"occurred_at": f"2026-01-0{day}T23:59:59Z"} for day in (1, 3))
    await write(client, **first, quantity="4.5")
    await write(client, **first, type="pick", quantity="1.25", id="p")
    await write(client, **second, type="issue", quantity="1")
    back = {"quantity": "1", "disposition": "scrap", "location": "EAST/1"}
    await write(client, **second, type="customer_return", **back)
    undone = await client.post(
        "/v1/movements/p/reversal", json={"occurred_at": "2026-01-04T00:00:00Z"}
    )
    assert undone.status_code == 201, undone.text
    position = await write(client, type="issue", quantity="100.05")
    query = {"sku": "A", "min_position": position, "until": "2026-01-06"}
    found = (await client.get(URL, params={**query, "site": "MAIN"})).json()
    rows = [
        (one["date"], one["issued"], one["issued_value"], one["on_hand"], one["stock_out"])
        for one in found["items"]
    ]
    assert rows == [
        ("2026-01-01", "0", "0", "3.25", False),
        ("2026-01-02", "0", "0", "3.25", False),
        ("2026-01-03", "1", "2", "2.25", False),
        ("2026-01-04", "0", "0", "3.5", False),
        ("2026-01-05", "0", "0", "3.5", False),
    ]
    assert found["as_of_position"] == {position.split(":")[0]: int(position.split(":")[1])}
    unmet = (await client.get(URL, params={"sku": "A", "limit": 1000})).json()["items"][-1]
    assert (unmet["unmet"], unmet["unmet_lines"], unmet["stock_out"]) == ("100.05", 1, True)
    east = (await client.get(URL, params={**query, "site": "EAST"})).json()["items"]
    assert (east[0]["returned"], east[0]["on_hand"], east[0]["stock_out"]) == ("1", "0", True)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid_request"),
        ({"sku": ""}, "invalid_sku"),
        ({"sku": "A", "site": ""}, "invalid_location"),
        ({"sku": "A", "site": "MAIN/A"}, "invalid_location"),
        ({"sku": "A", "site": "@customer"}, "invalid_location"),
        ({"sku": "A", "from": "yesterday"}, "invalid_time"),
        ({"sku": "A", "until": "2026-02-30"}, "invalid_time"),
        ({"sku": "A", "until": "2026-02-03T00:00:00Z"}, "invalid_time"),
        ({"sku": "A", "from": "2026-02-03", "until": "2026-02-03"}, "invalid_request"),
        ({"sku": "A", "limit": "0"}, "invalid_request"),
        ({"sku": "A", "cursor": "nonsense"}, "invalid_request"),
        ({"sku": "A", "cursor": "WzUsIk1BSU4iLDBd"}, "invalid_request"),
        ({"sku": "A", "day": "2026-02-03"}, "invalid_request"),
        ({"sku": "A", "min_position": "9:9"}, "invalid_request"),
    ],
)
async def test_bad_input(client: httpx.AsyncClient, query: dict[str, str], code: str) -> None:
    """One clear problem each."""
    check_problem(await client.get(URL, params=query), 422, code)


async def test_numbers_beyond_64_bits(client: httpx.AsyncClient) -> None:
    """Are said, in the words of stock health, and not taken for a SKU without demand."""
    position = ""
    for _ in range(6):
        await write(client, sku="BIG", quantity=LARGEST, unit_cost="0.000001")
        position = await write(client, type="pick", sku="BIG", quantity=LARGEST)
    for url in (URL, "/v1/planning/health"):
        answer = await client.get(url, params={"sku": "BIG", "min_position": position})
        check_problem(answer, 422, "invalid_request")
        assert answer.json()["detail"] == "numbers of the SKU BIG add up beyond 64 bits"


async def test_a_sku_never_seen(client: httpx.AsyncClient) -> None:
    """Is not found, however it is asked for."""
    check_problem(await client.get(URL, params={"sku": "none"}), 404, "not_found")
    far = {"sku": "none", "from": "0001-01-01", "until": "9999-12-31"}
    check_problem(await client.get(URL, params=far), 404, "not_found")
