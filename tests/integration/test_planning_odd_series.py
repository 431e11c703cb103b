"""Series that most formulas have no answer for: the run is done all the same, and says so."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.test_planning_runs import RUNS, run
from tests.unit.api.serving import client_of, receipt, settings_in, wait_ready


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_in(tmp_path, partitions=1)) as client:
        await wait_ready(client)
        yield client


def at(day: str, **movement: Any) -> dict[str, Any]:
    """A movement on that day."""
    return {"location": "MAIN/A", "occurred_at": f"{day}T12:00:00Z", **movement}


# An ISBN and the number of a pallet, read where a quantity was asked for.
BAR_CODE, PALLET = "9780306406157", "376104250021234569"
ODD = [
    receipt(sku="ONLY-RECEIVED", occurred_at="2026-01-02T00:00:00Z"),
    at("2026-01-02", type="customer_return", sku="ALL-RETURNS", quantity="5"),
    receipt(sku="ONE-DAY", quantity="9", occurred_at="2026-01-17T00:00:00Z"),
    at("2026-01-17", type="issue", sku="ONE-DAY", quantity="4", location="MAIN/A/01"),
    receipt(sku="AT-ONCE", quantity="900", unit_cost="2", occurred_at="2026-01-01T00:00:00Z"),
    *(
        at(f"2026-01-{day:02}", type="issue", sku="AT-ONCE", quantity="7", location="MAIN/A/01")
        for day in range(1, 19)
    ),
    at("2026-01-18", type="customer_return", sku="AT-ONCE", quantity="500"),
    receipt(sku="CODE", quantity=BAR_CODE, unit_cost="0.01", occurred_at="2026-01-01T00:00:00Z"),
    at("2026-01-18", type="issue", sku="CODE", quantity="1", location="MAIN/A/01"),
    # Now, so that a few days of history is all there ever is.
    receipt(sku="ASKED", unit_cost="2"),
    receipt(sku="PALLET", unit_cost="2"),
]


async def test_odd_series(client: httpx.AsyncClient) -> None:
    """No history, one day of it, all returns, more returned than issued, no lead time, no cost."""
    item = {"suppliers": [{"code": "NEXT-DOOR", "lead_time_days": 0}]}
    await client.put("/v1/items", params={"sku": "AT-ONCE"}, json=item)
    answer = await client.post("/v1/movements/bulk", json=ODD)
    assert {one["status"] for one in answer.json()["results"]} == {"accepted"}, answer.text
    refused = await client.post(
        "/v1/movements", json={"type": "issue", "sku": "NEVER", "quantity": "3", "location": "MAIN"}
    )
    assert refused.status_code == 409
    position = refused.headers["ledger-position"]
    done = await run(client, position, as_of="2026-01-18", forecast={"classes": ["A", "C"]})
    safety = {
        row["sku"]: row for row in (await client.get("/v1/planning/safety-stock")).json()["items"]
    }
    odd = {"ONLY-RECEIVED", "ALL-RETURNS", "ONE-DAY", "AT-ONCE"}
    assert set(safety) == {*odd, "CODE"}
    assert safety["ONLY-RECEIVED"]["demand_reason"] == "no_demand"
    assert safety["ONLY-RECEIVED"]["safety_stock"] == "0"
    assert safety["ALL-RETURNS"]["reorder_point"] == "0"
    assert safety["ONE-DAY"]["lead_time_source"] == "default"
    once = safety["AT-ONCE"]
    # Steady demand and no lead time: what is sold until the next look, and nothing besides.
    assert (once["lead_time_days"], once["safety_stock"], once["reorder_point"]) == ("0", "0", "7")
    xyz = {row["sku"]: row for row in (await client.get("/v1/planning/xyz")).json()["items"]}
    assert xyz["ONLY-RECEIVED"]["cv"] is None
    assert xyz["ONLY-RECEIVED"]["xyz"] == "Z"
    for sku in safety:
        why = await client.get(f"{RUNS}/{done['id']}/explain", params={"sku": sku})
        assert why.json()["agrees"], why.json()["differences"]
    slow = await client.get("/v1/planning/slow-movers", params={"sku": "CODE"})
    assert slow.json()["items"][0]["days_of_cover"] is None
    await _numbers_read_as_quantities(client)


async def _numbers_read_as_quantities(client: httpx.AsyncClient) -> None:
    """Asked for and refused on the day of the run; nobody can take that back."""
    position = ""
    for sku, quantity in (("ASKED", BAR_CODE), ("PALLET", PALLET)):
        movement = {"type": "pick", "sku": sku, "quantity": quantity, "location": "MAIN/A/01"}
        refused = await client.post("/v1/movements", json=movement)
        assert refused.status_code == 409
        position = refused.headers["ledger-position"]
    done = await run(client, position, forecast={"enabled": False})
    # NEVER was asked for today, and so is a series; PALLET is none.
    assert (done["counts"]["left_out"], done["counts"]["series"]) == (1, 7)
    (asked,) = (
        await client.get("/v1/planning/replenishment", params={"sku": "ASKED", "run": done["id"]})
    ).json()["items"]
    assert (asked["proposal_reason"], asked["proposal_value"]) == ("ordered", None)
