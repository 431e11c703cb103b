"""Supply orders on Kafka: any instance takes any command about any line."""

from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.chaos.instance import Instance
from tests.integration.test_instances import SKUS, Cluster, cluster

__all__ = ["cluster"]
pytestmark = pytest.mark.kafka

ORDERS = "/v1/supply-orders"
LINE = {
    "supplier": "ACME", "location": "MAIN", "quantity": "10", "expected_at": "2027-01-01T00:00:00Z",
}  # fmt: skip


async def _done(cluster: Cluster, instance: Instance, path: str, body: Any) -> httpx.Response:
    answer = await cluster.http.post(f"{instance.url}{path}", json=body)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return answer


async def test_any_instance_takes_supply_orders(cluster: Cluster) -> None:
    """Placed at one, received at another, changed and closed at a third, which finds the SKU."""
    one, two, three = cluster.make("one"), cluster.make("two"), cluster.make("three")
    three.add_flags("--roles", "api,projector")
    await three.start()
    await cluster.start(one, two)
    for sku in SKUS[::2]:
        name = f"o-{sku}"
        await _done(cluster, one, ORDERS, {"id": name, "sku": sku, **LINE})
        came = await cluster.move(two, f"r-{sku}", sku=sku, supply_order=name)
        assert came.status_code == HTTPStatus.CREATED, came.text
        tried = await cluster.http.post(
            f"{three.url}{ORDERS}/{name}/close?dry_run=true", json={"reason": "other"}
        )
        assert tried.json()["supply_order"]["under"] == "5", tried.text
        change = {"id": f"c-{sku}", "quantity": "7"}
        changed = await _done(cluster, three, f"{ORDERS}/{name}/change", change)
        assert changed.json()["on_order"] == "2"
        again = await cluster.http.post(f"{one.url}{ORDERS}/{name}/change", json=change)
        assert again.json() == changed.json()
        assert again.headers["idempotency-replayed"] == "true"
        late = {"id": f"x-{sku}", "reason": "under_delivered"}
        closed = await _done(cluster, two, f"{ORDERS}/{name}/close", late)
        refused = await cluster.move(three, f"r2-{sku}", sku=sku, supply_order=name)
        assert refused.json()["code"] == "supply_order_not_open", refused.text
        read = {"min_position": closed.headers["ledger-position"]}
        line = await cluster.http.get(f"{three.url}{ORDERS}/{name}", params=read)
        figures = {key: line.json()[key] for key in ("quantity", "received", "under", "state")}
        assert figures == {"quantity": "7", "received": "5", "under": "2", "state": "closed"}
