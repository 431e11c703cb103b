"""Bad input in bulk: one item that is malformed or refused stops no other."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

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


async def on_hand(client: httpx.AsyncClient, sku: str, position: str) -> str:
    answer = await client.get("/v1/stock", params={"sku": sku, "min_position": position})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["on_hand"])


async def test_a_bulk_has_items(client: httpx.AsyncClient) -> None:
    """Neither an empty array nor blank lines are a bulk."""
    check_problem(await client.post(BULK, json=[]), 422, "invalid_request")
    for blank in (b"", b"\n", b"\n  \n\r\n"):
        answer = await client.post(BULK, content=blank, headers=NDJSON)
        check_problem(answer, 422, "invalid_request")


async def test_a_bulk_has_at_most_10_000_items(client: httpx.AsyncClient) -> None:
    """One more is too large, whether the items are good or not; so are millions of nothings."""
    for item in (receipt(), 1):
        answer = await client.post(BULK, json=[item] * 10_001)
        check_problem(answer, 413, "too_large")
        line = json.dumps(item).encode()
        answer = await client.post(BULK, content=b"\n".join([line] * 10_001), headers=NDJSON)
        check_problem(answer, 413, "too_large")
    answer = await client.post(BULK, content=b"[1" + b",1" * 1_500_000 + b"]", headers=JSON)
    check_problem(answer, 413, "too_large")


async def test_a_broken_line_in_the_middle_stops_no_other(client: httpx.AsyncClient) -> None:
    """It is refused with its number, counted from 1 over all lines, and its id if it has one."""
    lines = [
        json.dumps(receipt(id="n1", quantity="5")),
        "",
        '{"id":"n2","type":"receipt","sku":"A"',
        '{"id":"n3","type":"receipt"}',
        json.dumps(receipt(id="n4", quantity="2")),
        "[" * 100_000,
        json.dumps(receipt(id="n5", quantity="x")),
    ]
    answer = await client.post(BULK, content="\r\n".join(lines).encode(), headers=NDJSON)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [(one["index"], one["status"], one["id"], one.get("line")) for one in results] == [
        (0, "accepted", "n1", None),
        (1, "invalid", None, 3),
        (2, "invalid", "n3", 4),
        (3, "accepted", "n4", None),
        (4, "invalid", None, 6),
        (5, "invalid", "n5", 7),
    ]
    assert await on_hand(client, "A", answer.headers["ledger-position"]) == "7"


async def test_invalid_utf8_in_one_line_or_item_stops_no_other(client: httpx.AsyncClient) -> None:
    """Items of an array are told apart too."""
    bad = b'{"id":"u2","type":"receipt","sku":"\xff","quantity":"1","location":"M"}'
    first, last = (json.dumps(receipt(id=name)).encode() for name in ("u1", "u3"))
    answer = await client.post(BULK, content=b"\n".join((first, bad, last)), headers=NDJSON)
    assert [one["status"] for one in answer.json()["results"]] == [
        "accepted", "invalid", "accepted",
    ]  # fmt: skip
    body = b"[" + b",".join((first, bad, last)) + b"]"
    answer = await client.post(BULK, content=body, headers=JSON)
    assert [one["status"] for one in answer.json()["results"]] == [
        "replayed", "invalid", "replayed",
    ]  # fmt: skip


async def test_one_sku_many_times_is_decided_in_order(client: httpx.AsyncClient) -> None:
    """What comes in first can go out after it, and no more than that."""
    movements = [receipt(id="o0", quantity="3")]
    movements += [receipt(id=f"o{n}", type="issue", quantity="1") for n in range(1, 6)]
    movements.append(receipt(id="o6", quantity="1"))
    movements.append(receipt(id="o7", type="issue", quantity="1"))
    answer = await client.post(BULK, json=movements)
    results = answer.json()["results"]
    accepted, rejected = "accepted", "rejected"
    assert [one["status"] for one in results] == [
        accepted, accepted, accepted, accepted, rejected, rejected, accepted, accepted,
    ]  # fmt: skip
    assert {one["code"] for one in results if one["status"] == rejected} == {"insufficient_stock"}
    offsets = [one["position"]["offset"] for one in results]
    assert offsets == sorted(offsets)
    assert await on_hand(client, "A", answer.headers["ledger-position"]) == "0"


async def test_duplicate_ids_in_one_bulk(client: httpx.AsyncClient) -> None:
    """The second of the same content is the first again; of other content it is refused."""
    movements = [receipt(id="d"), receipt(id="d"), receipt(id="d", quantity="11")]
    answer = await client.post(BULK, json=movements)
    results = answer.json()["results"]
    assert [one["status"] for one in results] == ["accepted", "replayed", "rejected"]
    assert results[0]["position"] == results[1]["position"]
    assert results[2]["code"] == "idempotency_key_reused"
    assert await on_hand(client, "A", answer.headers["ledger-position"]) == "10"
