"""A real retailer's lines, sent over HTTP: demand by day is what pandas counts in the file."""

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from examples.retail.opening import movements, needed
from projections.database import Database
from projections.planning.catching_up import catch_up
from projections.planning.reading import Wanted, read_days
from projections.planning.reason_reading import read_reasons
from tests.integration.shell import LINES, MAPPING, RETAIL
from tests.unit.api.serving import client_of, settings_in, wait_ready

SAMPLE = RETAIL / "sample.csv.gz"
OPENING = "2010-11-30T00:00:00Z"
BULK = 1_000


@cache
def mapped() -> list[dict[str, Any]]:
    """The lines of the sample that are movements."""
    return [movement for movement, _ in movements(SAMPLE, MAPPING)]


async def fill(folder: Path, lines: int) -> None:
    """Send the opening stock and the first lines of the sample, and wait for the views."""
    opening, _, costs = needed(SAMPLE, MAPPING)
    receipts = [
        {"type": "receipt", "id": f"opening/{sku}", "sku": sku, "quantity": str(quantity),
         "unit_cost": str(costs.get(sku, 1)), "location": "MAIN", "occurred_at": OPENING}
        for sku, quantity in sorted(opening.items())
    ]  # fmt: skip
    sent = [*receipts, *mapped()[:lines]]
    async with client_of(settings_in(folder, roles="api,writer,projector")) as client:
        await wait_ready(client)
        for first in range(0, len(sent), BULK):
            part = sent[first : first + BULK]
            answer = await client.post("/v1/movements/bulk", json=part)
            assert answer.status_code == 200, answer.text
            assert {one["status"] for one in answer.json()["results"]} == {"accepted"}
            position = answer.headers["ledger-position"]
            shown = await client.get("/v1/stock", params={"min_position": position})
            assert shown.status_code == 200, shown.text


def counted(lines: int) -> pd.DataFrame:
    """By SKU and day, from the file itself: picks are lines above zero, C… are returns."""
    ids = {movement["id"].rpartition("-")[0] for movement in mapped()}
    frame = pd.read_csv(SAMPLE, dtype={"InvoiceNo": str, "StockCode": str})
    kept = {movement["sku"] for movement in mapped()}
    frame = frame[frame.InvoiceNo.isin(ids) & frame.StockCode.isin(kept)]
    frame = frame[frame.Quantity != 0].head(lines)
    day = (pd.to_datetime(frame.InvoiceDate).dt.normalize() - pd.Timestamp("1970-01-01")).dt.days
    back = frame.InvoiceNo.str.startswith("C")
    table = pd.DataFrame(
        {
            "sku": frame.StockCode,
            "day": day,
            "issued": frame.Quantity.where(frame.Quantity > 0, 0),
            "issue_lines": (frame.Quantity > 0).astype(int),
            "returned": (-frame.Quantity).where(back, 0),
            "lost": (-frame.Quantity).where((frame.Quantity < 0) & ~back, 0),
            "available_net": frame.Quantity.where(back, -frame.Quantity.abs()).where(
                ~back, -frame.Quantity
            ),
        }
    )
    return table.groupby(["sku", "day"]).sum()


async def test_the_retailers_demand(tmp_path: Path) -> None:
    """Before the view has read anything, and after."""
    await fill(tmp_path, LINES)
    expected = counted(LINES)
    names = tuple(expected.columns)
    database = Database(f"sqlite:///{tmp_path / 'views.db'}")
    await database.open()
    for _ in range(2):
        async with database.reader() as reader:
            days = await read_days(reader, None, Wanted((*names, "received")))
            reasons = await read_reasons(reader)
        found = pd.DataFrame(
            {name: days.columns[name] for name in (*names, "received")},
            index=pd.MultiIndex.from_arrays(
                [[days.skus[one] for one in days.series()], days.day], names=("sku", "day")
            ),
        )
        sold = found[found.received == 0].drop(columns="received")
        pd.testing.assert_frame_equal(sold, expected, check_dtype=False, check_index_type=False)
        assert (days.sums("available_net") >= 0).all()
        assert reasons.columns["lost"].sum() == expected.lost.sum()
        await catch_up(database)
    await database.close()
