"""Supply orders over HTTP, embedded: from placing to what is on order, on one server."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready

ORDERS = "/v1/supply-orders"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        yield client


def order(**values: Any) -> dict[str, Any]:
    """A good line, or one with these fields otherwise."""
    good = {
        "sku": "A", "quantity": "10", "supplier": "ACME", "location": "MAIN",
        "placed_at": "2026-09-01T00:00:00Z", "expected_at": "2026-09-15T12:00:00Z",
    }  # fmt: skip
    return {key: value for key, value in {**good, **values}.items() if value is not ...}


async def done(client: httpx.AsyncClient, path: str, body: Any) -> httpx.Response:
    """A write that must be recorded now."""
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer


async def read(client: httpx.AsyncClient, path: str, after: httpx.Response, **query: str) -> Any:
    """What a view shows once it has read a write."""
    position = {"min_position": after.headers["ledger-position"]}
    answer = await client.get(path, params={**query, **position})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_line_from_its_placing_to_its_close(client: httpx.AsyncClient) -> None:
    """What is answered is what is read, and what is on order follows."""
    placed = await done(client, ORDERS, order(id="o1", order="PO-7", unit_cost=2, note="n"))
    said = placed.json()
    assert (said["on_order"], said["supply_order"]["outstanding"]) == ("10", "10")
    line = await read(client, f"{ORDERS}/o1", placed)
    assert {name: line[name] for name in said["supply_order"]} == said["supply_order"]
    assert (line["position"], line["unit_cost"], line["order"]) == (said["position"], "2", "PO-7")
    stock = await read(client, "/v1/stock/A", placed)
    assert (stock["on_hand"], stock["on_order"], stock["inventory_position"]) == ("0", "10", "10")

    came = {"supply_order": "o1", "occurred_at": "2026-09-10T00:00:00Z"}
    part = await done(client, "/v1/movements", receipt(id="r1", quantity="4", **came))
    assert part.json()["movement"]["supply_order"] == "o1"
    changed = await done(client, f"{ORDERS}/o1/change", {"id": "c1", "quantity": 12})
    assert changed.json()["supply_order"]["outstanding"] == "8"
    last = await done(client, "/v1/movements", receipt(id="r2", quantity="9", supply_order="o1"))
    line = await read(client, f"{ORDERS}/o1", last)
    assert (line["received"], line["outstanding"], line["over"]) == ("13", "0", "1")
    assert line["first_received_at"] == came["occurred_at"]
    movement = await read(client, "/v1/movements/r2", last)
    assert movement["supply_order"] == "o1"

    closed = await done(client, f"{ORDERS}/o1/close", {"id": "x1", "reason": "received"})
    said = closed.json()["supply_order"]
    assert (said["state"], said["over"], said["under"]) == ("closed", "1", "0")
    undone = await done(client, "/v1/movements/r2/reversal", {"id": "v1"})
    line = await read(client, f"{ORDERS}/o1", undone)
    assert (line["state"], line["received"], line["under"]) == ("closed", "4", "8")
    assert (line["close_reason"], line["outstanding"]) == ("received", "0")
    stock = await read(client, "/v1/stock/A", undone)
    assert (stock["on_hand"], stock["on_order"], stock["inventory_position"]) == ("4", "0", "4")


async def test_each_command_is_executed_once(client: httpx.AsyncClient) -> None:
    """The first answer again, refusals too; other content is refused."""
    await done(client, ORDERS, order(id="o1"))
    for path, body, status in (
        (ORDERS, order(id="o2"), 201),
        (f"{ORDERS}/o1/change", {"id": "c1", "quantity": "11"}, 201),
        (f"{ORDERS}/o1/close", {"id": "x1", "reason": "cancelled"}, 201),
        (f"{ORDERS}/o1/close", {"id": "x2", "reason": "cancelled"}, 409),
        ("/v1/movements", receipt(id="r1", supply_order="o1"), 409),
    ):
        first = await client.post(path, json=body)
        assert first.status_code == status, first.text
        again = await client.post(path, json=body)
        assert again.status_code == (200 if status == 201 else status)
        assert again.json() == first.json()
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["ledger-position"] == first.headers["ledger-position"]
        other = await client.post(path, json={**body, "note": "another"})
        check_problem(other, 422, "idempotency_key_reused")
        if status == 409:
            assert check_problem(again, 409, "supply_order_not_open")["position"]


async def test_a_dry_run_places_nothing(client: httpx.AsyncClient) -> None:
    """Nor does it change or close anything."""
    would = await client.post(f"{ORDERS}?dry_run=true", json=order(id="o1"))
    assert would.status_code == 200, would.text
    assert "position" not in would.json()
    check_problem(await client.get(f"{ORDERS}/o1"), 404, "unknown_supply_order")
    placed = await done(client, ORDERS, order(id="o1"))
    would = await client.post(f"{ORDERS}/o1/close?dry_run=true", json={"reason": "other"})
    assert would.json()["supply_order"]["state"] == "closed"
    assert (await read(client, f"{ORDERS}/o1", placed))["state"] == "open"


async def test_what_can_be_promised(client: httpx.AsyncClient) -> None:
    """What is available and what is due by the end of a day; overdue supply is due."""
    await done(client, "/v1/movements", receipt(quantity="3"))
    await done(client, ORDERS, order(quantity="5", expected_at="2026-09-02T00:00:00Z"))
    await done(client, ORDERS, order(quantity="7", expected_at="2026-12-31T23:59:59Z"))
    last = await done(client, ORDERS, order(quantity="9", expected_at="2027-01-01T00:00:00Z"))
    for day, atp in (("2026-09-01", "3"), ("2026-12-30", "8"), ("2026-12-31", "15")):
        stock = await read(client, "/v1/stock/A", last, atp_date=day)
        assert (stock["atp"], stock["atp_date"], stock["on_order"]) == (atp, day, "21")
    by_query = await read(client, "/v1/stock", last, sku="A", atp_date="2027-01-01")
    assert by_query["atp"] == "24"
    assert "atp" not in await read(client, "/v1/stock/A", last)


async def test_lists_and_filters(client: httpx.AsyncClient) -> None:
    """Page by page, newest first."""
    for number, more in enumerate(
        (
            {},
            {"supplier": "OTHER"},
            {"location": "MAIN/A"},
            {"location": "MAINZ", "order": "PO-9"},
            {"sku": "B/1"},
        )
    ):
        last = await done(client, ORDERS, order(id=f"o/{number}", **more))
    last = await done(client, f"{ORDERS}/close?id=o/1", {"reason": "cancelled"})
    later = await client.get(ORDERS, params={"limit": 2, "id": "o/0"})
    check_problem(later, 422, "invalid_request")

    async def ids(**query: str) -> list[str]:
        return [one["id"] for one in (await read(client, ORDERS, last, **query))["items"]]

    # All partitions of this server have been read by now.
    assert (await client.get(ORDERS, params={"sku": "B/1"})).status_code == 200
    assert await ids(sku="A", supplier="OTHER") == ["o/1"]
    assert await ids(sku="A", location="MAIN") == ["o/2", "o/1", "o/0"]
    assert await ids(order="PO-9") == ["o/3"]
    assert await ids(sku="A", state="closed") == ["o/1"]
    assert await ids(sku="A", state="open") == ["o/3", "o/2", "o/0"]
    page = await read(client, ORDERS, last, sku="A", limit="3")
    rest = await read(client, ORDERS, last, sku="A", limit="3", cursor=page["next_cursor"])
    assert [one["id"] for one in page["items"] + rest["items"]] == ["o/3", "o/2", "o/1", "o/0"]
    assert rest["next_cursor"] is None
    assert (await read(client, ORDERS, last, id="o/2"))["location"] == "MAIN/A"


async def test_one_id_of_several_skus(client: httpx.AsyncClient) -> None:
    """In two partitions the same id may be used; then the SKU is needed."""
    positions, known = set(), ""
    for sku in "ABCDEFGH":
        placed = await client.post(ORDERS, json=order(id="same", sku=sku))
        if placed.status_code == 201:
            positions.add(placed.headers["ledger-position"])
            known = sku
    assert len(positions) == 2
    body = {"quantity": "5"}
    check_problem(await client.post(f"{ORDERS}/same/change", json=body), 422, "invalid_request")
    await done(client, f"{ORDERS}/same/change?sku={known}", body)
    query = {"min_position": ",".join(sorted(positions))}
    both = await client.get(f"{ORDERS}/same", params=query)
    check_problem(both, 422, "invalid_request")
    one = await client.get(f"{ORDERS}/same", params={**query, "sku": known})
    assert one.json()["sku"] == known


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (order(sku=...), "invalid_request"),
        (order(expected_at=...), "invalid_request"),
        (order(surprise=1), "invalid_request"),
        (order(quantity=1.5), "invalid_quantity"),
        (order(quantity="0"), "invalid_quantity"),
        (order(quantity="-0.5"), "invalid_quantity"),
        (order(quantity="0.5"), "invalid_quantity"),
        (order(quantity=10**30), "invalid_quantity"),
        (order(quantity=None), "invalid_request"),
        (order(id=""), "invalid_id"),
        (order(id="x" * 10_000), "invalid_id"),
        (order(sku="\x00"), "invalid_sku"),
        (order(supplier=""), "invalid_request"),
        (order(location="@supplier"), "invalid_location"),
        (order(order=""), "invalid_reference"),
        (order(expected_at="2026-09-15"), "invalid_time"),
        (order(expected_at="2026-08-01T00:00:00Z"), "invalid_time"),
        (order(expected_at="9999-12-31T23:59:59Z"), "invalid_time"),
        (order(placed_at="2100-01-01T00:00:00Z"), "invalid_time"),
        (order(unit_cost=2.5), "invalid_cost"),
        (order(note=""), "invalid_request"),
        ([], "invalid_request"),
        ("text", "invalid_request"),
    ],
)
async def test_a_malformed_line(client: httpx.AsyncClient, body: Any, code: str) -> None:
    """A clear problem, and nothing is placed."""
    check_problem(await client.post(ORDERS, json=body), 422, code)


async def test_malformed_questions_and_unknown_lines(client: httpx.AsyncClient) -> None:
    """Never a 500."""
    placed = await done(client, ORDERS, order(id="o1"))
    for path, body, status, code in (
        ("/o1/change", {}, 422, "invalid_request"),
        ("/o1/change", {"quantity": "0"}, 422, "invalid_quantity"),
        ("/o1/change", {"expected_at": "2001-01-01T00:00:00Z"}, 422, "invalid_time"),
        ("/o1/change", {"quantity": "1", "id": ""}, 422, "invalid_id"),
        ("/o1/close", {}, 422, "invalid_request"),
        ("/o1/close", {"reason": "bored"}, 422, "invalid_reason"),
        ("/nobody/close", {"reason": "other"}, 404, "unknown_supply_order"),
        ("/nobody/close?sku=A", {"reason": "other"}, 409, "supply_order_not_open"),
        ("/o1/close?sku=B", {"reason": "other"}, 409, "supply_order_not_open"),
        ("/close", {"reason": "other"}, 422, "invalid_request"),
        ("/change?id=%00", {"quantity": "1"}, 422, "invalid_id"),
        ("?colour=red", order(), 422, "invalid_request"),
    ):
        check_problem(await client.post(ORDERS + path, json=body), status, code)
    for path, status, code in (
        ("?state=lost", 422, "invalid_request"),
        ("?supplier=", 422, "invalid_request"),
        ("?location=", 422, "invalid_location"),
        ("?cursor=nonsense", 422, "invalid_request"),
        ("?id=", 422, "invalid_id"),
        ("/nobody", 404, "unknown_supply_order"),
        ("/o1?min_position=0:999", 422, "invalid_request"),
    ):
        check_problem(await client.get(ORDERS + path), status, code)
    for day in ("soon", "2026-02-30", "2026-1-1", "", "9999-12-31T00:00:00Z", "2026-12-31 "):
        asked = await client.get("/v1/stock/A", params={"atp_date": day})
        check_problem(asked, 422, "invalid_time")
    assert (await read(client, "/v1/stock/A", placed, atp_date="9999-12-31"))["on_order"] == "10"
    check_problem(await client.get("/v1/stock?atp_date=2026-12-31"), 422, "invalid_request")


async def test_terms_of_suppliers(client: httpx.AsyncClient) -> None:
    """What is put is what is read, in the shortest form."""
    supplier = {"code": "ACME", "lead_time_days": 14, "pack_size": "12.0", "minimum_order": "24"}
    item = {"price": "4.950", "suppliers": [supplier]}
    put = await client.put("/v1/items?sku=A", json=item)
    assert put.status_code == 200, put.text
    found = await read(client, "/v1/items/A", put)
    assert found["price"] == "4.95"
    assert found["suppliers"] == [{**supplier, "pack_size": "12"}]
    assert put.json()["item"]["suppliers"] == found["suppliers"]
    bad = await client.put("/v1/items?sku=A", json={"suppliers": [{**supplier, "pack_size": "0"}]})
    check_problem(bad, 422, "invalid_item")
