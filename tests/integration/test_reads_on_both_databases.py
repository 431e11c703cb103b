"""Every question that the API answers, on both databases: the same status, and never a fault.

A statement that one of them does not understand shows nowhere else than in its answer.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.operations import Operation, Parameter
from api.routes.catalog import OPERATIONS
from tests.unit.api.serving import client_of, receipt, settings_in, wait_ready

AT = {"occurred_at": "2026-01-05T12:00:00Z"}
ALREADY_PAST = "2026-01-06"
WRITTEN: list[dict[str, Any]] = [
    receipt(id="m-1", quantity="20", unit_cost="2", **AT),
    receipt(id="m-2", quantity="5", location="EAST/A", lot="L1", **AT),
    {"id": "m-3", "type": "pick", "sku": "A", "quantity": "3", "location": "MAIN/A/01", **AT},
    {"id": "m-4", "type": "scrap", "sku": "A", "quantity": "1", "location": "MAIN/A/01",
     "reason": "expired", **AT},
    {"id": "m-5", "type": "pick", "sku": "A", "quantity": "999", "location": "MAIN/A/01", **AT},
]  # fmt: skip
ORDER = {
    "id": "o-1", "sku": "A", "quantity": "7", "supplier": "ACME", "location": "MAIN",
    "placed_at": "2026-01-05T12:00:00Z", "expected_at": "2026-01-20T12:00:00Z",
}  # fmt: skip
# What an operation's own example would not find here.
KNOWN = {"sku": "A", "location": "MAIN", "site": "MAIN", "lot": "L1", "status": "available"}


def values(parameter: Parameter) -> list[str]:
    """What to ask for: something that is there, its example, each of a few words."""
    found = [KNOWN[parameter.name]] if parameter.name in KNOWN else []
    found += map(str, parameter.schema.get("enum", ()))
    found += [str(parameter.example)] if parameter.example is not None else []
    return [*dict.fromkeys(found)]


def questions(operation: Operation, run: str, order: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Paths and queries: without a parameter, with each alone, and with all that must be."""
    identity = {"runs": run, "supply-orders": order}.get(operation.path.split("/")[-2], "m-1")
    path = operation.path.replace("{sku}", "A").replace("{id}", identity)
    asked = [one for one in operation.parameters if one.location == "query"]
    needed = {one.name: values(one)[0] for one in asked if one.required}
    yield path, needed
    for parameter in asked:
        for value in values(parameter):
            yield path, {**needed, parameter.name: value}
            # Many questions are another statement where they are about one SKU.
            if "sku" in {one.name for one in asked}:
                yield path, {**needed, "sku": "A", parameter.name: value}


async def answers(folder: Path, url: str | None) -> dict[tuple[str, str], tuple[int, str]]:
    """Status and text of each answer by what was asked."""
    settings = settings_in(folder, database_url=url)
    found = {}
    async with client_of(settings) as client:
        await wait_ready(client)
        run, order = await _write(client)
        for operation in OPERATIONS:
            if operation.method != "GET" or "event-stream" in str(operation.replies):
                continue
            for path, query in questions(operation, run, order):
                answer = await client.get(path, params=query)
                name = path.replace(run, "RUN"), str(httpx.QueryParams(query))
                found[name] = (answer.status_code, answer.text)
    return found


async def _write(client: httpx.AsyncClient) -> tuple[str, str]:
    """Movements, an item, a supply order and a planning run; the names of the last two."""
    body = {"name": "Apple", "unit_cost": "2", "price": "3", "suppliers": [{"code": "ACME"}]}
    await client.put("/v1/items?sku=A", json=body)
    placed = await client.post("/v1/supply-orders", json=ORDER)
    assert placed.status_code == 201, placed.text
    position = ""
    for movement in WRITTEN:
        answer = await client.post("/v1/movements", json=movement)
        position = answer.headers["ledger-position"]
    assert (await client.get("/v1/stock/A", params={"min_position": position})).is_success
    asked = {"as_of": ALREADY_PAST, "each_site": True, "forecast": {"models": ["naive"]}}
    run = await client.post("/v1/planning/runs?wait=60", json=asked)
    assert (run.status_code, run.json()["state"]) == (201, "done"), run.text
    return run.json()["id"], "o-1"


@pytest.mark.timeout(240)
async def test_both_databases_answer_alike(
    tmp_path: Path, new_postgres_url: Callable[[], str]
) -> None:
    """What the one can tell, so can the other."""
    embedded = await answers(tmp_path / "embedded", None)
    server = await answers(tmp_path / "server", new_postgres_url())
    faults = {name: told for name, told in server.items() if told[0] >= 500}
    assert faults == {}
    assert {name: told[0] for name, told in server.items()} == {
        name: told[0] for name, told in embedded.items()
    }
    good = sum(status == 200 for status, _ in server.values())
    assert good > len(server) / 2, "most questions should be good ones"
