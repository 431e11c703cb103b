"""Half a year of a real retailer's demand by day, as planning input and as a pandas frame."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from projections.planning.bucket_rows import DailyDemand

FOLDER = Path(__file__).parents[4] / "examples" / "retail"
FIRST, LAST = 14_944, 15_155  # 2010-12-01 and 2011-06-30, as days since 1970
_MILLIONTHS = 1_000_000


@cache
def sales() -> pd.DataFrame:
    """Picks by SKU and day: quantity, lines, and value in millionths at the item's price."""
    frame = pd.read_csv(FOLDER / "daily.csv.gz", dtype={"sku": str})
    prices = pd.read_csv(FOLDER / "prices.csv.gz", dtype=str).set_index("sku").price
    frame = frame[frame.type == "pick"]
    price = prices.map(lambda text: round(float(text) * _MILLIONTHS))
    day = pd.to_datetime(frame.day) - pd.Timestamp("1970-01-01")
    value = frame.quantity * frame.sku.map(price).fillna(0).astype("int64")
    found = frame[["sku", "quantity", "lines"]].assign(day=day.dt.days, value=value)
    return found.sort_values(["sku", "day"]).reset_index(drop=True)


def daily_demand() -> tuple[list[str], DailyDemand]:
    """The SKUs in order, and what was sold of them on each day."""
    rows = sales()
    skus, series = np.unique(rows.sku.to_numpy(dtype=str), return_inverse=True)
    return skus.tolist(), DailyDemand(
        starts=np.concatenate(([0], np.cumsum(np.bincount(series)))),
        day=rows.day.to_numpy().astype(np.int32),
        quantity=rows.quantity.to_numpy().astype(np.int64),
        first_day=np.full(len(skus), FIRST),
        last_day=LAST,
    )
