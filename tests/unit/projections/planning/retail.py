"""The retailer's sample that the examples load, as planning input and as a pandas frame."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from projections.planning.bucket_rows import DailyDemand

SAMPLE = Path(__file__).parents[4] / "examples" / "retail" / "sample.csv.gz"
NO_GOODS = ["POST", "D", "M", "C2", "DOT", "BANK CHARGES", "AMAZONFEE", "S", "CRUK"]
_MILLIONTHS = 1_000_000


@cache
def sales() -> pd.DataFrame:
    """Lines sold: sku, day (since 1970), quantity, value in millionths at the line's own price."""
    frame = pd.read_csv(SAMPLE, dtype={"StockCode": str, "InvoiceNo": str, "UnitPrice": str})
    frame = frame[(frame.Quantity > 0) & ~frame.InvoiceNo.str.startswith("C")]
    frame = frame[~frame.StockCode.isin(NO_GOODS)]
    price = frame.UnitPrice.map(lambda text: round(float(text) * _MILLIONTHS))
    day = pd.to_datetime(frame.InvoiceDate).dt.floor("D") - pd.Timestamp("1970-01-01")
    return pd.DataFrame(
        {
            "sku": frame.StockCode,
            "day": day.dt.days,
            "quantity": frame.Quantity,
            "value": frame.Quantity * price,
        }
    ).reset_index(drop=True)


def daily_demand(first_day: int, last_day: int) -> tuple[list[str], DailyDemand]:
    """The SKUs in order, and what was sold of them on each day."""
    rows = sales().groupby(["sku", "day"], sort=True).quantity.sum().reset_index()
    skus = sorted(rows.sku.unique())
    series = np.searchsorted(np.array(skus), rows.sku.to_numpy(dtype=str))
    demand = DailyDemand(
        starts=np.concatenate(([0], np.cumsum(np.bincount(series, minlength=len(skus))))),
        day=rows.day.to_numpy().astype(np.int32),
        quantity=rows.quantity.to_numpy().astype(np.int64),
        first_day=np.full(len(skus), first_day),
        last_day=last_day,
    )
    return skus, demand
