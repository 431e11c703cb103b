"""Bad input over HTTP: never a 500, always a problem or a result that says what is wrong."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready

JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
BULK = "/v1/movements/bulk"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_in(tmp_path, body_bytes_max=4_000_000)) as client:
        await wait_ready(client)
        yield client


def soon(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


@pytest.mark.parametrize(
    ("movement", "code"),
    [
        (receipt(type="teleport"), "invalid_request"),
        (receipt(type=...), "invalid_request"),
        (receipt(sku=...), "invalid_request"),
        (receipt(quantity=...), "invalid_request"),
        (receipt(location=...), "invalid_request"),
        (receipt(surprise=1), "invalid_request"),
        (receipt(quantity=1.5), "invalid_quantity"),
        (receipt(quantity=1e30), "invalid_quantity"),
        (receipt(quantity=10**30), "invalid_quantity"),
        (receipt(quantity="1e3"), "invalid_quantity"),
        (receipt(quantity="NaN"), "invalid_quantity"),
        (receipt(quantity="-1"), "invalid_quantity"),
        (receipt(quantity="0"), "invalid_quantity"),
        (receipt(quantity=""), "invalid_quantity"),
        (receipt(quantity="1.5"), "invalid_quantity"),
        (receipt(quantity="1.12345678"), "invalid_quantity"),
        (receipt(quantity="1" * 10_000), "invalid_quantity"),
        (receipt(quantity="\u0661"), "invalid_quantity"),
        (receipt(quantity=True), "invalid_request"),
        (receipt(quantity=None), "invalid_request"),
        (receipt(unit_cost="-1"), "invalid_cost"),
        (receipt(unit_cost=2.55), "invalid_cost"),
        (receipt(id="x" * 10_000), "invalid_id"),
        (receipt(id=""), "invalid_id"),
        (receipt(id=" a"), "invalid_id"),
        (receipt(id="a\x00b"), "invalid_id"),
        (receipt(sku="a\nb"), "invalid_sku"),
        (receipt(sku="a\u202eb"), "invalid_sku"),
        (receipt(sku="s" * 101), "invalid_sku"),
        (receipt(location="@customer"), "invalid_location"),
        (receipt(location="MAIN//01"), "invalid_location"),
        (receipt(location="a\x1fb"), "invalid_location"),
        (receipt(lot=""), "invalid_lot"),
        (receipt(status="nice"), "invalid_status"),
        (receipt(note="n" * 501), "invalid_request"),
        (receipt(reference={"type": "", "id": "1"}), "invalid_reference"),
        (receipt(reference="PO-7"), "invalid_request"),
        (receipt(occurred_at="yesterday"), "invalid_time"),
        (receipt(occurred_at="2026-02-30T10:00:00Z"), "invalid_time"),
        (receipt(occurred_at="2026-11-22T10:00:00"), "invalid_time"),
        (receipt(occurred_at=soon(days=1)), "invalid_time"),
        (receipt(occurred_at="0001-01-01T00:00:00+23:59"), "invalid_time"),
        (receipt(type="adjustment", reason="because"), "invalid_reason"),
        (receipt(type="adjustment"), "invalid_request"),
        ([receipt()], "invalid_request"),
        (None, "invalid_request"),
        ("receipt", "invalid_request"),
    ],
)
async def test_a_malformed_movement_is_422_and_leaves_no_trace(
    client: httpx.AsyncClient, movement: Any, code: str
) -> None:
    """Over-precise for the item is a refusal of the state; all others leave no record."""
    body = json.dumps(movement).encode()
    answer = await client.post("/v1/movements", content=body, headers=JSON)
    problem = check_problem(answer, 422, code)
    bulk = await client.post(BULK, json=[movement])
    assert bulk.status_code == 200, bulk.text
    (result,) = bulk.json()["results"]
    assert result["code"] == code
    if isinstance(movement, dict) and movement.get("quantity") == "1.5":
        assert result["status"] == "rejected"
        assert "position" in problem
    else:
        assert result["status"] == "invalid"
        assert "ledger-position" not in answer.headers
        assert "ledger-position" not in bulk.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"type":"receipt","sku":"A","quantity":NaN,"location":"M"}',
        b'{"type":"receipt","sku":"A","quantity":Infinity,"location":"M"}',
        b'{"type":"receipt","sku":"A","quantity":1e999,"location":"M"}',
        b'{"type":"receipt","sku":"A","quantity":' + b"9" * 5_000 + b',"location":"M"}',
        b'{"type":"receipt","sku":"A\xff","quantity":"1","location":"M"}',
        b'{"type":"receipt","sku":"A\\ud800","quantity":"1","location":"M"}',
        b'{"type":"receipt","sku":"A\x01","quantity":"1","location":"M"}',
        b'\xef\xbb\xbf{"type":"receipt","sku":"A","quantity":"1","location":"M"}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"type":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b"\x00" * 100,
    ],
)
async def test_a_body_that_is_no_json_is_one_problem(
    client: httpx.AsyncClient, body: bytes
) -> None:
    """Also deep nesting, invalid UTF-8, lone surrogates and a byte order mark."""
    for path in ("/v1/movements", "/v1/movements/x/reversal", "/v1/items?sku=A"):
        method = "PUT" if path.startswith("/v1/items") else "POST"
        answer = await client.request(method, path, content=body, headers=JSON)
        if body == b"" and "reversal" in path:
            check_problem(answer, 404, "unknown_movement")
        else:
            check_problem(answer, 422, "invalid_request")
    if not body.startswith(b"{"):
        check_problem(await client.post(BULK, content=body, headers=JSON), 422, "invalid_request")
    array = await client.post(BULK, content=b"[" + body + b"]", headers=JSON)
    assert array.status_code in (200, 422), array.text
    lines = await client.post(BULK, content=body, headers=NDJSON)
    assert lines.status_code in (200, 422), lines.text


async def test_a_body_over_the_limit_is_413(client: httpx.AsyncClient) -> None:
    """Whether its length is said beforehand or not."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    for path in ("/v1/movements", BULK, "/v1/movements/a/reversal", "/v1/items?sku=A"):
        method = "PUT" if path.startswith("/v1/items") else "POST"
        said = await client.request(method, path, content=b" " * 4_000_001, headers=JSON)
        check_problem(said, 413, "too_large")
        unsaid = await client.request(method, path, content=chunks(), headers=JSON)
        check_problem(unsaid, 413, "too_large")


async def test_reversals_of_a_reversal_and_of_nothing(client: httpx.AsyncClient) -> None:
    """Only a movement is reversed, and only once."""
    await client.post("/v1/movements", json=receipt(id="r1"))
    done = await client.post("/v1/movements/r1/reversal", json={"id": "r2"})
    assert done.status_code == 201, done.text
    again = await client.post("/v1/movements/r1/reversal", json={"id": "r3"})
    check_problem(again, 409, "already_reversed")
    of_reversal = await client.post("/v1/movements/r2/reversal")
    check_problem(of_reversal, 409, "not_reversible")
    unknown = await client.post("/v1/movements/nobody/reversal")
    check_problem(unknown, 404, "unknown_movement")
    with_sku = await client.post("/v1/movements/nobody/reversal", params={"sku": "A"})
    problem = check_problem(with_sku, 404, "unknown_movement")
    assert "position" in problem


async def test_unknown_skus_in_strict_mode(tmp_path: Path) -> None:
    """A strict ledger takes movements of described items only, and the refused id stays so."""
    async with client_of(settings_in(tmp_path, strict_items=True)) as client:
        refused = await client.post("/v1/movements", json=receipt(id="s1"))
        check_problem(refused, 422, "unknown_item")
        put = await client.put("/v1/items", params={"sku": "A"}, json={"scale": 0})
        assert put.status_code == 200, put.text
        replayed = await client.post("/v1/movements", json=receipt(id="s1"))
        check_problem(replayed, 422, "unknown_item")
        assert replayed.headers["idempotency-replayed"] == "true"
        assert replayed.headers["ledger-position"] == refused.headers["ledger-position"]
        accepted = await client.post("/v1/movements", json=receipt(id="s2"))
        assert accepted.status_code == 201, accepted.text


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"scale": 7}, "invalid_item"),
        ({"scale": -1}, "invalid_item"),
        ({"scale": 1.5}, "invalid_request"),
        ({"unit": ""}, "invalid_item"),
        ({"gtin": "4006381333932"}, "invalid_item"),
        ({"gtin": "\u0664" * 13}, "invalid_item"),
        ({"unit_cost": "much"}, "invalid_item"),
        ({"unit_cost": 1.5}, "invalid_request"),
        ({"shelf_life_days": 0}, "invalid_item"),
        ({"shelf_life_days": 10**30}, "invalid_item"),
        ({"inventory_type": "air"}, "invalid_request"),
        ({"suppliers": [{"code": ""}]}, "invalid_item"),
        ({"suppliers": [{"code": "S"}] * 101}, "invalid_item"),
        ({"colour": "red"}, "invalid_request"),
    ],
)
async def test_malformed_items(client: httpx.AsyncClient, item: Any, code: str) -> None:
    """Each is refused with its reason."""
    check_problem(await client.put("/v1/items?sku=A", json=item), 422, code)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/v1/stock?colour=red", "invalid_request"),
        ("/v1/stock?limit=0", "invalid_request"),
        ("/v1/stock?limit=1001", "invalid_request"),
        ("/v1/stock?limit=\u0661", "invalid_request"),
        ("/v1/stock?limit=1&limit=2", "invalid_request"),
        ("/v1/stock?cursor=nonsense", "invalid_request"),
        ("/v1/stock?cursor=", "invalid_request"),
        ("/v1/stock?location=", "invalid_location"),
        ("/v1/stock?location=%00", "invalid_location"),
        ("/v1/stock?location=%FF", "invalid_request"),
        ("/v1/stock?status=nice", "invalid_status"),
        ("/v1/stock?sku=A&limit=1", "invalid_request"),
        ("/v1/stock?sku=%00", "invalid_sku"),
        ("/v1/stock/%00", "invalid_sku"),
        ("/v1/stock?min_position=", "invalid_request"),
        ("/v1/stock?min_position=3", "invalid_request"),
        ("/v1/stock?min_position=-1:0", "invalid_request"),
        ("/v1/stock?min_position=0:1_7", "invalid_request"),
        ("/v1/stock?min_position=2:0", "invalid_request"),
        ("/v1/stock?min_position=0:999999999", "invalid_request"),
        ("/v1/stock?min_position=0:99999999999999999999", "invalid_request"),
        ("/v1/movements?type=teleport", "invalid_request"),
        ("/v1/movements?occurred_from=yesterday", "invalid_time"),
        ("/v1/movements?reference_type=order", "invalid_request"),
        ("/v1/movements?id=a&limit=1", "invalid_request"),
        ("/v1/movements?id=", "invalid_id"),
        ("/v1/movements/a?colour=red", "invalid_request"),
        ("/v1/items?limit=many", "invalid_request"),
        ("/livez?x=1", "invalid_request"),
    ],
)
async def test_malformed_questions(client: httpx.AsyncClient, url: str, code: str) -> None:
    """Nothing in a query is ignored."""
    check_problem(await client.get(url), 422, code)


async def test_paths_methods_and_types(client: httpx.AsyncClient) -> None:
    """The framework's own refusals are problems too, and a fixed word is never a code."""
    check_problem(await client.get("/v1/nothing"), 404, "not_found")
    check_problem(await client.get("/v1/stock/A%2F1"), 404, "not_found")
    check_problem(await client.get("/v1/stock/"), 404, "not_found")
    check_problem(await client.get("/v1/stock/never"), 404, "not_found")
    check_problem(await client.get("/v1/items?sku=never"), 404, "not_found")
    check_problem(await client.get("/v1/movements/never"), 404, "unknown_movement")
    for method, path, allow in (
        ("PATCH", "/v1/movements", "GET, HEAD, POST"),
        ("GET", BULK, "POST"),
        ("GET", "/v1/movements/reversal", "POST"),
        ("DELETE", "/v1/stock/A", "GET, HEAD"),
    ):
        answer = await client.request(method, path)
        check_problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == allow
    body = json.dumps(receipt()).encode()
    for headers in ({}, {"content-type": "text/plain"}, NDJSON):
        answer = await client.post("/v1/movements", content=body, headers=headers)
        check_problem(answer, 415, "unsupported_media_type")
    check_problem(
        await client.get("/livez", headers={"x-pad": "x" * 40_000}), 431, "headers_too_large"
    )
    bad_id = await client.get("/livez", headers={"x-request-id": "a b"})
    check_problem(bad_id, 422, "invalid_request")
