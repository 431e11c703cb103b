"""The whole service over HTTP, embedded: what is written is read, and everything else holds too."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.keys import create_key, load, revoke_key
from tests.unit.api.serving import (
    check_problem,
    client_of,
    receipt,
    serving,
    settings_in,
    wait_ready,
)
from tests.waiting import eventually


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        yield client


async def test_what_is_written_is_read(client: httpx.AsyncClient) -> None:
    """By everybody who names the position."""
    written = await client.post("/v1/movements", json=receipt(id="a/1", lot="L1", unit_cost="2.5"))
    assert written.status_code == 201, written.text
    position = {"min_position": written.headers["ledger-position"]}
    movement = written.json()["movement"]
    assert movement["entries"][1]["on_hand"] == "10"
    assert (movement["actor"], movement["credential"]) == ("local", None)
    assert movement["origin"].startswith("recordMovement@")
    assert movement["request_id"] == written.headers["x-request-id"]
    stock = await client.get("/v1/stock/A", params=position)
    assert stock.json()["on_hand"] == "10"
    assert stock.json()["positions"] == [
        {
            "location": "MAIN/A/01", "lot": "L1", "status": "available",
            "on_hand": "10", "reserved": "0", "available": "10",
        }
    ]  # fmt: skip
    (partition, offset), *_ = stock.json()["as_of_position"].items()
    assert f"{partition}:{offset}" == written.headers["ledger-position"]
    found = await client.get("/v1/movements", params={"id": "a/1", **position})
    assert found.json() == {**movement, "reversed_by": None}
    listed = await client.get("/v1/movements", params={"sku": "A", **position})
    assert listed.json() == {"items": [found.json()], "next_cursor": None}


async def test_the_first_answer_again(client: httpx.AsyncClient) -> None:
    """Of successes and of refusals; other content under the same id is refused."""
    for movement, status in ((receipt(id="b"), 201), (receipt(id="c", type="issue", sku="Z"), 409)):
        first = await client.post("/v1/movements", json=movement)
        again = await client.post("/v1/movements", json=movement)
        assert first.status_code == status, first.text
        assert again.status_code == (200 if status == 201 else 409)
        assert again.json() == first.json()
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["ledger-position"] == first.headers["ledger-position"]
        other = await client.post("/v1/movements", json={**movement, "quantity": "99"})
        check_problem(other, 422, "idempotency_key_reused")


async def test_a_dry_run_writes_nothing(client: httpx.AsyncClient) -> None:
    """Whether it would succeed or not."""
    would = await client.post("/v1/movements?dry_run=true", json=receipt(id="d"))
    assert would.status_code == 200, would.text
    assert "position" not in would.json()["movement"]
    assert "ledger-position" not in would.headers
    not_so = await client.post("/v1/movements?dry_run=true", json=receipt(type="issue"))
    problem = check_problem(not_so, 409, "insufficient_stock")
    assert "position" not in problem
    check_problem(await client.get("/v1/stock/A"), 404, "not_found")
    real = await client.post("/v1/movements", json=receipt(id="d", quantity="1"))
    assert real.status_code == 201, real.text


async def test_ids_that_are_made_are_named(client: httpx.AsyncClient) -> None:
    """In the answer, in a problem, in a result."""
    made = await client.post("/v1/movements", json=receipt())
    assert len(made.json()["movement"]["id"]) == 36
    refused = await client.post("/v1/movements", json=receipt(type="issue", quantity="99"))
    assert len(refused.json()["id"]) == 36
    bulk = await client.post("/v1/movements/bulk", json=[receipt()])
    assert len(bulk.json()["results"][0]["id"]) == 36


async def test_reversal_by_path_and_by_query(client: httpx.AsyncClient) -> None:
    """The body may say more, or be missing."""
    for name in ("e", "f/1"):
        await client.post("/v1/movements", json=receipt(id=name))
    by_path = await client.post("/v1/movements/e/reversal", json={"id": "r", "note": "wrong bin"})
    assert by_path.status_code == 201, by_path.text
    assert by_path.json()["movement"]["reverses"] == "e"
    again = await client.post("/v1/movements/e/reversal", json={"id": "r", "note": "wrong bin"})
    assert again.status_code == 200
    would = await client.post("/v1/movements/reversal", params={"id": "f/1", "dry_run": "true"})
    assert would.status_code == 200, would.text
    by_query = await client.post("/v1/movements/reversal", params={"id": "f/1", "sku": "A"})
    assert by_query.status_code == 201, by_query.text
    position = {"min_position": by_query.headers["ledger-position"]}
    undone = await client.get("/v1/movements/e", params=position)
    assert undone.json()["reversed_by"] == by_path.json()["movement"]["position"]


async def test_an_empty_id_is_no_missing_one(client: httpx.AsyncClient) -> None:
    """Nobody gets another in its place."""
    moved = await client.post("/v1/movements", json=receipt(id="e"))
    assert moved.status_code == 201, moved.text
    undone = await client.post("/v1/movements/e/reversal", json={"id": ""})
    check_problem(undone, 422, "invalid_id")
    put = await client.put("/v1/items", params={"sku": "A", "id": ""}, json={})
    check_problem(put, 422, "invalid_id")


async def test_a_path_that_is_no_text(client: httpx.AsyncClient) -> None:
    """It names nothing else."""
    moved = await client.post("/v1/movements", json=receipt(id="a\ufffdb", sku="K\ufffd"))
    undone = await client.post("/v1/movements/a%FFb/reversal", json={})
    check_problem(undone, 422, "invalid_request")
    check_problem(await client.get("/v1/stock/K%FF"), 422, "invalid_request")
    asked = {"sku": "K\ufffd", "min_position": moved.headers["ledger-position"]}
    assert (await client.get("/v1/stock", params=asked)).json()["on_hand"] == "10"


async def test_items(client: httpx.AsyncClient) -> None:
    """Described, found by path and by query, listed; the scale is fixed by the first movement."""
    put = await client.put("/v1/items", params={"sku": "K/1", "id": "i1"}, json={"scale": 2})
    assert put.status_code == 200, put.text
    again = await client.put("/v1/items", params={"sku": "K/1", "id": "i1"}, json={"scale": 2})
    assert again.headers["idempotency-replayed"] == "true"
    moved = await client.post("/v1/movements", json=receipt(sku="K/1", quantity="1.25"))
    assert moved.status_code == 201, moved.text
    fixed = await client.put("/v1/items", params={"sku": "K/1"}, json={"scale": 3})
    check_problem(fixed, 409, "item_in_use")
    position = {"min_position": moved.headers["ledger-position"]}
    item = await client.get("/v1/items", params={"sku": "K/1", **position})
    assert item.json()["scale"] == 2
    assert (await client.get("/v1/items")).json()["items"] == [item.json()]
    await client.put("/v1/items", params={"sku": "K2"}, json={"name": "second"})
    stock = await client.get("/v1/stock", params={"sku": "K/1"})
    assert stock.json()["on_hand"] == "1.25"


async def test_pages(client: httpx.AsyncClient) -> None:
    """A list in parts is the list."""
    movements = [receipt(sku=f"P{n}", location=f"MAIN/{n % 2}/01") for n in range(7)]
    answer = await client.post("/v1/movements/bulk", json=movements)
    position = {"min_position": answer.headers["ledger-position"]}
    for path, key in (("/v1/stock", "sku"), ("/v1/movements", "id")):
        whole = (await client.get(path, params=position)).json()["items"]
        assert len(whole) == 7
        parts, cursor = [], None
        while True:
            params = {"limit": "3", **({} if cursor is None else {"cursor": cursor})}
            page = (await client.get(path, params=params)).json()
            parts += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert [one[key] for one in parts] == [one[key] for one in whole]
    below = await client.get("/v1/stock", params={"location": "MAIN/1"})
    assert [one["sku"] for one in below.json()["items"]] == ["P1", "P3", "P5"]
    check_problem(
        await client.get("/v1/movements", params={"cursor": "W10"}), 422, "invalid_request"
    )


async def test_a_view_that_lags(tmp_path: Path) -> None:
    """Without a projector it never gets there: wait, then say so."""
    settings = settings_in(tmp_path, roles="api,writer", view_wait_seconds=0.05)
    async with client_of(settings) as client:
        written = await client.post("/v1/movements", json=receipt())
        position = {"min_position": written.headers["ledger-position"]}
        answer = await client.get("/v1/stock", params=position)
        check_problem(answer, 503, "view_lagging")
        assert answer.headers["retry-after"] == "1"


async def test_roles(tmp_path: Path) -> None:
    """A process that does not write says so; one that only projects has no API."""
    async with client_of(settings_in(tmp_path, roles="api,projector")) as client:
        for answer in (
            await client.post("/v1/movements", json=receipt(id="x")),
            await client.post("/v1/movements?dry_run=true", json=receipt(id="x")),
        ):
            assert check_problem(answer, 503, "unavailable")["id"] == "x"
        for path in ("/v1/movements/bulk", "/v1/movements/x/reversal"):
            body = [receipt()] if path.endswith("bulk") else {}
            check_problem(await client.post(path, json=body), 503, "unavailable")
        assert (await client.get("/v1/stock")).json() == {"items": [], "next_cursor": None}
    async with client_of(settings_in(tmp_path, roles="projector")) as client:
        await wait_ready(client)
        check_problem(await client.get("/v1/stock"), 404, "not_found")
        assert (await client.get("/metrics")).status_code == 200


async def test_health_and_metrics(client: httpx.AsyncClient) -> None:
    """Numbers of requests by template, of the writers, and how far the views are behind."""
    assert (await client.get("/livez")).json() == {"status": "live"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    await client.post("/v1/movements", json=receipt())

    async def views_are_there() -> bool:
        found = (await client.get("/metrics")).text
        return 'stockledger_demand_lag_records{partition="1"} ' in found

    await eventually(views_are_there)
    text = (await client.get("/metrics")).text
    for line in (
        'stockledger_http_requests_total{method="POST",route="/v1/movements",status="201"} 1.0',
        "stockledger_writer_appended_total ",
        'stockledger_writer_recovered{partition="0"} 1.0',
        'stockledger_view_lag_records{partition="1"} ',
        'stockledger_demand_lag_records{partition="1"} ',
        'stockledger_http_request_seconds_bucket{',
    ):  # fmt: skip
        assert line in text


async def test_documentation_is_served_offline(client: httpx.AsyncClient) -> None:
    """Every file the page names is there."""
    page = await client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon.png"):
        assert f"/docs/{name}" in page.text
        assert (await client.get(f"/docs/{name}")).status_code == 200
    check_problem(await client.get("/docs/..%2Fcore.py"), 404, "not_found")
    check_problem(await client.get("/docs/redoc.standalone.js"), 404, "not_found")
    assert (await client.get("/openapi.json")).json()["openapi"] == "3.1.0"


async def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needed as soon as there is one, everywhere but for the probes; the id is the actor."""
    monkeypatch.setattr("api.security.KEYS_CHECK_SECONDS", 0.0)
    settings = settings_in(tmp_path)
    async with client_of(settings) as client:
        assert (await client.get("/v1/stock")).status_code == 200
        identity, token = create_key(settings.api_keys_path, "till")
        for path in ("/v1/stock", "/metrics", "/docs", "/openapi.json", "/nothing"):
            check_problem(await client.get(path), 401, "unauthorized")
        for path in ("/livez", "/readyz"):
            assert (await client.get(path)).status_code == 200
        headers = {"authorization": f"Bearer {token}"}
        written = await client.post("/v1/movements", json=receipt(), headers=headers)
        by = written.json()["movement"]
        assert by["actor"] == identity
        assert by["credential"] == load(settings.api_keys_path)[identity].hash[:8]
        assert by["credential"] not in token
        assert (await client.get("/metrics", headers={"x-api-key": token})).status_code == 200
        revoke_key(settings.api_keys_path, identity)
        check_problem(await client.get("/v1/stock", headers=headers), 401, "unauthorized")


async def test_a_length_that_lies(tmp_path: Path) -> None:
    """Behind a real socket: the server answers, closes, and goes on serving others."""
    async with serving(settings_in(tmp_path, body_bytes_max=10_000)) as port:
        head = (
            b"POST /v1/movements HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        )
        for rest, expected in (
            (b"Content-Length: 99999999999\r\n\r\n{}", b" 413 "),
            (b"Transfer-Encoding: chunked\r\n\r\n" + b"2000\r\n" + b" " * 8192 + b"\r\n" * 1
             + b"2000\r\n" + b" " * 8192 + b"\r\n", b" 413 "),
            (b"Content-Length: 2\r\n\r\n{}garbage", b" 4"),
            (b"Content-Length: -5\r\n\r\n{}", b" 400 "),
            (b"Content-Length: abc\r\n\r\n{}", b" 400 "),
        ):  # fmt: skip
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + rest)
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 60)
            assert expected in answer, (rest[:40], answer)
            writer.close()
        # One that promises more than it sends and hangs up.
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"Content-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            good = await client.post("/v1/movements", json=receipt())
            assert good.status_code == 201, good.text


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    """The log and the views lie in the directory; ids are remembered."""
    settings = settings_in(tmp_path)
    async with client_of(settings) as client:
        written = await client.post("/v1/movements", json=receipt(id="once"))
    async with client_of(settings) as client:
        again = await client.post("/v1/movements", json=receipt(id="once"))
        assert (again.status_code, again.json()) == (200, written.json())
        position = {"min_position": written.headers["ledger-position"]}
        assert (await client.get("/v1/stock/A", params=position)).json()["on_hand"] == "10"
