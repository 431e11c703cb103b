"""Alerts over HTTP, in a process that embeds everything."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready
from tests.waiting import eventually

SKUS = [f"S{number:02}" for number in range(20)]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A server with every role that it needs."""
    roles = "api,writer,projector,publisher"
    async with client_of(settings_in(tmp_path, roles=roles)) as client:
        await wait_ready(client)
        yield client


async def alerts(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """A page of alerts."""
    answer = await client.get("/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_newcomer_sees_a_stock_out(client: httpx.AsyncClient) -> None:
    """Without a broker; and that it is over."""
    put = await client.post("/v1/movements", json=receipt(id="a"))
    assert put.status_code == 201, put.text
    await client.post("/v1/movements", json=receipt(id="b", type="pick"))
    await eventually(lambda: alerts(client, active="true"))
    (found,) = await alerts(client, sku="A", site="MAIN", type="stock.stock_out.v1")
    assert found["active"]
    assert found["data"]["movement"] == "b"
    assert found["data"]["available"] == "0"
    answer = await client.post("/v1/movements", json=receipt(id="c"))
    await eventually(lambda: alerts(client, type="stock.back_in_stock.v1"))
    assert await alerts(client, active="true") == []
    (over, begun) = await alerts(client)
    assert begun["ended_by"] == over["id"]
    assert over["data"]["ends"] == begun["id"]
    partition, _, offset = answer.headers["ledger-position"].partition(":")
    page = (await client.get("/v1/alerts", params={"limit": 1})).json()
    assert page["as_of_position"][partition] == int(offset)
    assert page["next_cursor"]

    async def counted() -> bool:
        metrics = (await client.get("/metrics")).text
        lag = f'stockledger_alerts_lag_records{{partition="{partition}"}} 0.0'
        return "stockledger_alerts_raised_total 2.0" in metrics and lag in metrics

    await eventually(counted)  # what is kept is counted when the database has said so


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"site": "MAIN/A"}, "invalid_location"),
        ({"site": ""}, "invalid_location"),
        ({"type": "stock.receipt.v1"}, "invalid_request"),
        ({"active": "yes"}, "invalid_request"),
        ({"cursor": "x"}, "invalid_request"),
        ({"limit": "0"}, "invalid_request"),
        ({"sku": " "}, "invalid_sku"),
        ({"location": "MAIN"}, "invalid_request"),
    ],
)
async def test_bad_questions(client: httpx.AsyncClient, query: dict[str, str], code: str) -> None:
    """Each gets a problem with its code."""
    check_problem(await client.get("/v1/alerts", params=query), 422, code)


async def test_a_publisher_that_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells nothing of stock that it has not read yet, and then what is below."""
    monkeypatch.setattr("projections.publishers.reorder_alerts.REORDER_LOOK_SECONDS", 1.0)
    movements = [receipt(id=f"in {sku}", sku=sku, quantity="1000") for sku in SKUS]
    movements += [
        receipt(id=f"{number} of {sku}", sku=sku, type="pick", quantity="1")
        for sku in SKUS
        for number in range(20)
    ]
    async with client_of(settings_in(tmp_path, roles="api,writer,projector,planner")) as client:
        await wait_ready(client)
        put = await client.post("/v1/movements/bulk", json=movements)
        assert {one["status"] for one in put.json()["results"]} == {"accepted"}, put.text
        ran = await client.post(
            "/v1/planning/runs",
            params={"wait": 20},
            json={},
            headers={"min-position": put.headers["ledger-position"]},
        )
        assert ran.json()["state"] == "done", ran.text
        below = await client.get("/v1/planning/below-reorder-point")
        assert below.json()["items"] == []
    async with client_of(settings_in(tmp_path, roles="api,writer,projector,publisher")) as client:
        await wait_ready(client)
        sold = receipt(id="sold", sku=SKUS[3], type="issue", quantity="980")
        put = await client.post("/v1/movements", json=sold)
        assert put.status_code == 201, put.text
        await eventually(lambda: alerts(client, type="stock.below_reorder_point.v1"))
        (found,) = await alerts(client, type="stock.below_reorder_point.v1")
        assert found["active"]
        assert (found["data"]["sku"], found["data"]["available"]) == (SKUS[3], "0")
