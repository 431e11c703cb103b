"""Real trade, planned: the ABC of a run against one that pandas computes from the file."""

from collections.abc import AsyncIterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from examples.retail import opening
from tests.integration.test_planning_runs import run
from tests.unit.api.serving import client_of, settings_in, wait_ready

RETAIL = Path(__file__).parents[2] / "examples" / "retail"
SAMPLE, MAPPING = RETAIL / "sample.csv.gz", RETAIL / "mapping.toml"
BULK_MAX = 5_000
# What is no goods, as examples/retail/mapping.toml says too.
NO_GOODS = r"(?i:POST|DOT|C2|D|M|S|B|BANK CHARGES|AMAZONFEE|CRUK|gift_.*|PADS)"
MONEY = 1_000_000


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_in(tmp_path, backdate_limit_days=36_500, partitions=2)
    async with client_of(settings) as client:
        await wait_ready(client)
        yield client


async def load(client: httpx.AsyncClient) -> tuple[str, opening.Costs]:
    """Open the stock that the sample needs, then all of the sample; the position and the costs."""
    needed, _, costs = opening.needed(SAMPLE, MAPPING)
    commands: list[dict[str, Any]] = [
        {
            "type": "receipt", "sku": sku, "quantity": str(quantity), "location": "MAIN",
            "unit_cost": str(costs.get(sku, opening.UNIT_COST_DEFAULT)),
            "occurred_at": "2010-12-01T00:00:00Z",
        }
        for sku, quantity in sorted(needed.items())
    ]  # fmt: skip
    commands += [movement for movement, _ in opening.movements(SAMPLE, MAPPING)]
    positions: dict[str, int] = {}
    for first in range(0, len(commands), BULK_MAX):
        answer = await client.post(
            "/v1/movements/bulk", json=commands[first : first + BULK_MAX], timeout=60
        )
        assert {one["status"] for one in answer.json()["results"]} == {"accepted"}
        for position in answer.headers["ledger-position"].split(","):
            partition, offset = position.split(":")
            positions[partition] = int(offset)
    return ",".join(f"{one}:{offset}" for one, offset in positions.items()), costs


def by_pandas(costs: opening.Costs) -> pd.DataFrame:
    """Consumption value, shares and classes of each SKU, from the file alone."""
    lines = pd.read_csv(SAMPLE, dtype={"InvoiceNo": str, "StockCode": str})
    goods = lines[~lines.StockCode.str.fullmatch(NO_GOODS)]
    picks = goods[(goods.Quantity > 0) & ~goods.InvoiceNo.str.startswith("C")]
    sold = picks.groupby("StockCode").Quantity.agg(["sum", "size"])
    cost = {sku: int(one * MONEY) for sku, one in costs.items()}
    sold["value"] = [quantity * cost.get(sku, MONEY) for sku, quantity in sold["sum"].items()]
    ranked = sold.sort_values("value", ascending=False, kind="stable")
    total = int(ranked.value.sum())
    # Equals belong together: what is before them is what is before the first of them.
    sums = ranked.groupby("value", sort=False).value.sum()
    before = dict(zip(sums.index, sums.cumsum() - sums, strict=True))
    ranked["before"] = [before[value] for value in ranked.value]
    ranked["abc"] = [
        "A" if one * 100 < total * 80 else "B" if one * 100 < total * 95 else "C"
        for one in ranked.before
    ]
    ranked["share"] = [_percent(one, total) for one in ranked.value]
    ranked["cumulative"] = [_percent(one, total) for one in ranked.before]
    return ranked


def _percent(value: int, total: int) -> str:
    exact = Decimal(int(value)) * 100 / Decimal(total)
    text = f"{exact.quantize(Decimal('0.000001'), ROUND_HALF_EVEN):f}"
    return text.rstrip("0").rstrip(".")


async def rows_of(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    rows: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "1000"}
    while True:
        page = (await client.get(path, params=query)).json()
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        query = {"limit": "1000", "cursor": page["next_cursor"]}


async def test_abc_agrees_with_pandas(client: httpx.AsyncClient) -> None:
    """To the last digit, for every SKU that was ever sold; the others are worth nothing."""
    position, costs = await load(client)
    last = pd.read_csv(SAMPLE).InvoiceDate.max()[:10]
    await run(client, position, as_of=last, forecast={"enabled": False})
    expected = by_pandas(costs)
    rows = {row["sku"]: row for row in await rows_of(client, "/v1/planning/abc")}
    assert len(expected) > 2_000
    assert {sku for sku, row in rows.items() if row["lines"]} == set(expected.index)
    for sku, one in expected.iterrows():
        row = rows[str(sku)]
        assert int(Decimal(row["issued_value"]) * MONEY) == one.value
        assert (row["abc"], row["lines"]) == (one.abc, one["size"])
        assert (row["share_percent"], row["cumulative_share_percent"]) == (
            one["share"], one.cumulative,
        )  # fmt: skip
    nothing = [row for sku, row in rows.items() if sku not in expected.index]
    assert {(row["abc"], row["issued_value"]) for row in nothing} <= {("C", "0")}
    assert {len(await rows_of(client, f"/v1/planning/{one}")) for one in LISTS} == {len(rows)}


LISTS = ("xyz", "velocity", "safety-stock", "replenishment", "slow-movers")
