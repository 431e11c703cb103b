"""A whole service on a real log, and what its callers and operators see of it."""

import httpx

from tests.unit.api.serving import check_problem, receipt
from tests.waiting import eventually

# A SKU of the partition that the damage is done to, and one of another partition.
SKU, PARTITION = "N", 0
OTHER_SKU = "A"


async def write(client: httpx.AsyncClient, identity: str, sku: str = SKU) -> httpx.Response:
    """Receive ten pieces."""
    return await client.post("/v1/movements", json=receipt(id=identity, sku=sku))


async def written(client: httpx.AsyncClient, identity: str, sku: str = SKU) -> None:
    """Receive ten pieces, and wait until the views show them."""
    answer = await write(client, identity, sku)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    position = {"min_position": answer.headers["ledger-position"]}
    shown = await client.get(f"/v1/stock/{sku}", params=position)
    assert shown.status_code == httpx.codes.OK, shown.text


async def refused(client: httpx.AsyncClient, identity: str) -> None:
    """A write answers that it cannot be done now, and names the id."""
    answer = await write(client, identity)
    assert check_problem(answer, 503, "unavailable")["id"] == identity
    assert "retry-after" in answer.headers


async def on_hand(client: httpx.AsyncClient, sku: str = SKU) -> str:
    """What the views show."""
    answer = await client.get(f"/v1/stock/{sku}")
    assert answer.status_code == httpx.codes.OK, answer.text
    found: str = answer.json()["on_hand"]
    return found


async def stopped(client: httpx.AsyncClient, beginning: str) -> None:
    """Wait until the service gives a reason that begins so."""

    async def said() -> bool:
        reasons: list[str] = (await client.get("/readyz")).json().get("reasons", [])
        return any(reason.startswith(beginning) for reason in reasons)

    await eventually(said)


async def not_ready(client: httpx.AsyncClient, *parts: str) -> None:
    """Wait until these are the beginnings of all the reasons why the service is not ready."""
    reasons: list[str] = []

    async def said() -> bool:
        reasons[:] = sorted((await client.get("/readyz")).json().get("reasons", []))
        pairs = zip(reasons, sorted(parts), strict=False)
        return len(reasons) == len(parts) and all(one.startswith(part) for one, part in pairs)

    try:
        await eventually(said)
    except AssertionError as error:
        raise AssertionError(f"expected {sorted(parts)}, found {reasons}") from error
