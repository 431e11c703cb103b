"""Planning runs over HTTP: asked for, waited for, listed, refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready

RUNS = "/v1/planning/runs"
WAITING = {"wait": "60"}
MIN_MAX = {"replenishment": "min_max"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        yield client


async def sell(client: httpx.AsyncClient, sku: str, quantities: dict[str, str]) -> str:
    """Receive plenty and sell it on these days; the position after it."""
    movements: list[dict[str, Any]] = [
        receipt(
            sku=sku, quantity="1000", unit_cost="2.5", occurred_at=f"{min(quantities)}T00:00:00Z"
        )
    ]
    movements += [
        {
            "type": "issue", "sku": sku, "quantity": quantity, "location": "MAIN/A/01",
            "occurred_at": f"{day}T12:00:00Z",
        }
        for day, quantity in quantities.items()
    ]  # fmt: skip
    answer = await client.post("/v1/movements/bulk", json=movements)
    assert {one["status"] for one in answer.json()["results"]} == {"accepted"}, answer.text
    return answer.headers["ledger-position"]


async def run(client: httpx.AsyncClient, position: str, **parameters: Any) -> dict[str, Any]:
    """A run that is done."""
    answer = await client.post(RUNS, json=parameters, params={**WAITING, "min_position": position})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    assert document["state"] == "done", document
    assert answer.headers["location"] == f"{RUNS}/{document['id']}"
    return document


async def test_a_run_over_http(client: httpx.AsyncClient) -> None:
    """It is waited for, found, listed, and its results are there."""
    position = await sell(client, "A", {"2026-01-05": "80", "2026-01-12": "80"})
    position += "," + await sell(client, "B", {"2026-01-06": "15"})
    position += "," + await sell(client, "C", {"2026-01-07": "1"})
    done = await run(client, position, as_of="2026-01-18")
    assert done["counts"] == {"series": 3, "skus": 3, "forecasts": 1}
    assert done["as_of"] == done["parameters"]["as_of"] == "2026-01-18"
    assert not done["publishes"]
    found = await client.get(f"{RUNS}/{done['id']}")
    assert found.json() == done
    listed = await client.get(RUNS, params={"state": "done"})
    assert listed.json() == {"items": [done], "next_cursor": None}
    abc = (await client.get("/v1/planning/abc")).json()
    assert (abc["run"], abc["as_of"], abc["next_cursor"]) == (done["id"], "2026-01-18", None)
    assert [(row["sku"], row["abc"], row["issued_value"]) for row in abc["items"]] == [
        ("A", "A", "400"), ("B", "B", "37.5"), ("C", "C", "2.5"),
    ]  # fmt: skip
    why = await client.get(f"{RUNS}/{done['id']}/explain", params={"sku": "A"})
    assert why.json()["agrees"]
    link = why.json()["inputs"]["buckets"][0]["movements"]
    listed = (await client.get(link)).json()["items"]
    assert {one["type"] for one in listed} <= {"issue", "receipt"}
    assert listed
    only = await client.get("/v1/planning/abc", params={"class": "B", "run": done["id"]})
    assert [row["sku"] for row in only.json()["items"]] == ["B"]
    xyz = (await client.get("/v1/planning/xyz", params={"sku": "A"})).json()["items"]
    assert [(row["xyz"], row["mean"], row["buckets"]) for row in xyz] == [("X", "80", 2)]


async def test_pages_are_of_one_run(client: httpx.AsyncClient) -> None:
    """Even if another one is done meanwhile."""
    position = ""
    for sku in "ABC":
        position = await sell(client, sku, {"2026-01-05": "5"}) + "," * bool(position) + position
    first = await run(client, position, as_of="2026-01-18")
    page = (await client.get("/v1/planning/abc", params={"limit": "2"})).json()
    assert [row["sku"] for row in page["items"]] == ["A", "B"]
    second = await run(client, position, as_of="2026-01-19")
    rest = await client.get(
        "/v1/planning/abc", params={"limit": "2", "cursor": page["next_cursor"]}
    )
    assert rest.json()["run"] == first["id"]
    assert [row["sku"] for row in rest.json()["items"]] == ["C"]
    assert (await client.get("/v1/planning/abc")).json()["run"] == second["id"]
    runs = (await client.get(RUNS, params={"limit": "1"})).json()
    assert [one["id"] for one in runs["items"]] == [second["id"]]
    more = (await client.get(RUNS, params={"limit": "1", "cursor": runs["next_cursor"]})).json()
    assert [one["id"] for one in more["items"]] == [first["id"]]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"abc": {"shares": [80, 15, 6]}}, "abc.shares"),
        ({"abc": {"shares": [100, 0]}}, "abc.shares"),
        ({"abc": {"hysteresis": 5}}, "abc.hysteresis"),
        ({"xyz": {"limits": ["1", "0.5"]}}, "xyz.limits"),
        ({"velocity": {"slow_lines": 3, "fast_lines": 2}}, "velocity.fast_lines"),
        ({"demand": {"window_days": 0}}, "demand.window_days"),
        ({"demand": {"bucket": "year"}}, "demand.bucket"),
        ({"as_of": "2025-12-31"}, "as_of"),
        ({"as_of": "2999-01-01"}, "as_of"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"as_of": "2026-01-06", "publish": True}, "publish"),
        ({"position": "0:99999"}, "position"),
        ({"position": "77:0"}, "position"),
        ({"site": "MAIN/A"}, "site"),
        ({"site": "MAIM"}, "site"),
        ({"site": "MAIN", "publish": True}, "publish"),
        ({"seed": -1}, "seed"),
        ({"policies": {"level": 0}}, "policies.level"),
        ({"policies": {"level": "1"}}, "policies.level"),
        ({"policies": {"levels": {"A": 1.2}}}, "policies.levels.A"),
        ({"policies": {"cells": {"AX": {"level": 0.4}}}}, "policies.cells.AX.level"),
        ({"policies": {"cells": {"DX": {"level": 0.9}}}}, "policies.cells.DX"),
        ({"policies": {"levels": {"E": 0.9}}}, "policies.levels.E"),
        ({"policies": {"cells": {"AX": {"cover_days": 3}}}}, "policies.cells.AX.cover_days"),
        ({"policies": {"skus": {"A": {"minimum": "x"}}}}, "policies.skus.A.minimum"),
        (
            {"policies": {"skus": {"A": {**MIN_MAX, "minimum": "10", "maximum": "5"}}}},
            "policies.skus.A.maximum",
        ),
        (
            {"policies": {"skus": {"A": {**MIN_MAX, "minimum": "100", "maximum": "100.0"}}}},
            "policies.skus.A.maximum",
        ),
        ({"policies": {"skus": {"A": {"minimum": "10"}}}}, "policies.skus.A.minimum"),
        (
            {
                "policies": {
                    "skus": {"A": {"replenishment": "s_S", "maximum": "9"}},
                    "replenishment": "min_max",
                }
            },
            "policies.skus.A.maximum",
        ),
        ({"policies": {"skus": {"AA": {"level": 0.9}}}}, "policies.skus.AA"),
        (
            {"policies": {"replenishment": "periodic", "review_days": 0}},
            "policies.review_days",
        ),
        ({"lead_times": {"default_days": -1}}, "lead_times.default_days"),
        ({"costs": {"carrying_rate": 0}}, "costs.carrying_rate"),
        ({"costs": {"days_without_cost": 40, "days_max": 30}}, "costs.days_without_cost"),
        ({"what_if": {"demand_percent": -101}}, "what_if.demand_percent"),
        ({"what_if": {"late_supplier": "ACME"}}, "what_if"),
        ({"what_if": {"late_days": 3, "late_supplier": "ACME"}}, "what_if.late_supplier"),
        ({"what_if": {"late_days": 3}, "publish": True}, "publish"),
        ({"forecast": {"classes": ["E"]}}, "forecast.classes"),
        ({"abc": {"shares": [80, 20]}, "forecast": {"classes": ["A", "C"]}}, "forecast.classes"),
        ({"forecast": {"levels": [1]}}, "forecast.levels"),
        ({"forecast": {"models": ["ses", "ses"]}}, "forecast.models"),
        ({"forecast": {"models": ["magic"]}}, "forecast.models.0"),
        ({"health": {"demand_days": 0}}, "health.demand_days"),
        ({"demand": {"closed_weekdays": ["someday"]}}, "demand.closed_weekdays.0"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_bad_parameters(
    client: httpx.AsyncClient, parameters: dict[str, Any], field: str
) -> None:
    """Each is named, and nothing begins."""
    position = await sell(client, "A", {"2026-01-05": "5"})
    answer = await client.post(RUNS, json=parameters, params={"min_position": position})
    assert check_problem(answer, 422, "invalid_parameters")["field"] == field
    assert (await client.get(RUNS)).json()["items"] == []


async def test_bad_requests(client: httpx.AsyncClient) -> None:
    """Around the parameters."""
    for content, kind, status, code in (
        (b"{", "application/json", 422, "invalid_request"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b" " * 2_000_000, "application/json", 413, "too_large"),
    ):
        answer = await client.post(RUNS, content=content, headers={"content-type": kind})
        check_problem(answer, status, code)
    for path, query, status, code in (
        (RUNS, {"state": "dead"}, 422, "invalid_request"),
        (RUNS, {"cursor": "x"}, 422, "invalid_request"),
        (f"{RUNS}/none", {}, 404, "not_found"),
        ("/v1/planning/abc", {}, 404, "not_found"),
        ("/v1/planning/abc", {"run": "none"}, 404, "not_found"),
        (f"{RUNS}/none/explain", {"sku": "A"}, 404, "not_found"),
        (f"{RUNS}/none/explain", {}, 422, "invalid_request"),
        ("/v1/planning/forecasts/A", {}, 404, "not_found"),
        ("/v1/planning/abc", {"class": "Q"}, 422, "invalid_request"),
        ("/v1/planning/abc", {"cursor": "WzFd"}, 422, "invalid_request"),
        ("/v1/planning/changes", {"type": "x"}, 422, "invalid_request"),
    ):
        check_problem(await client.get(path, params=query), status, code)
    for wait in ("61", "-1", "x", "9" * 30):
        check_problem(
            await client.post(RUNS, json={}, params={"wait": wait}), 422, "invalid_request"
        )


async def test_an_empty_ledger_has_an_empty_plan(client: httpx.AsyncClient) -> None:
    """But no past."""
    await sell(client, "A", {"2026-01-05": "5"})
    # The views have to have read of both partitions what a run is to end with.
    query = {**WAITING, "min_position": "0:0,1:0"}
    empty = await client.post(RUNS, json={"position": "0:0,1:0"}, params=query)
    assert empty.json()["counts"] == {"series": 0, "skus": 0, "forecasts": 0}, empty.text
    assert (await client.get("/v1/planning/abc")).json()["items"] == []


async def test_without_the_role(tmp_path: Path) -> None:
    """A process that does not plan says so, and shows what others planned."""
    async with client_of(settings_in(tmp_path, roles="api,writer,projector")) as client:
        await wait_ready(client)
        problem = check_problem(await client.post(RUNS, json={}), 503, "unavailable")
        assert "planner" in problem["detail"]
        assert (await client.get(RUNS)).json()["items"] == []
