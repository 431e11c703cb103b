"""Demand from a CSV file: columns `sku`, `day` and `quantity`, and perhaps `type`.

With a column `type` only picks, issues and consumption are demand, as for the demand view. Costs
come from a second file with columns `sku` and `unit_cost` or `price`.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from math import gcd
from pathlib import Path

import numpy as np

from ledger.domain.quantities import SCALE_MAX, SCALED_MAX, scaled
from ledger.domain.rejections import Rejected
from ledger.presence import is_file
from ops.console import CommandError
from ops.loading.rows import Row, open_rows
from projections.planning.backtest.demand import Demand
from projections.planning.backtest.simulator import DAYS_MAX

DEMAND_TYPES = frozenset({"pick", "issue", "consume"})
CELLS_MAX = 500_000_000
EPOCH = date(1970, 1, 1)
COST_COLUMNS = ("unit_cost", "price")


def read_demand(path: Path, costs: Path | None, cost_share: Decimal) -> Demand:
    """The demand of the file by SKU and day. Raises CommandError with the line that is wrong.

    A SKU costs `cost_share` of what the costs' file says, and nothing if that does not name it.
    """
    asked: dict[tuple[str, int], int] = {}
    for row in _rows(path, ("sku", "day", "quantity")):
        if row.values.get("type", "pick") not in DEMAND_TYPES:
            continue
        key = _text(path, row, "sku"), _day(path, row)
        asked[key] = asked.get(key, 0) + _number(path, row, "quantity")
    if not asked:
        raise CommandError(f"{path}: there is no demand in it")
    return _table(path, asked, _costs(costs, cost_share))


def _table(path: Path, asked: dict[tuple[str, int], int], costs: dict[str, int]) -> Demand:
    skus = sorted({sku for sku, _ in asked}, key=str.encode)
    first, last = min(day for _, day in asked), max(day for _, day in asked)
    if last - first >= DAYS_MAX or len(skus) * (last - first + 1) > CELLS_MAX:
        raise CommandError(
            f"{path}: more than {DAYS_MAX:,} days, or {CELLS_MAX:,} SKUs times days; take a part"
        )
    scale = _scale(asked.values())
    numbers = {sku: number for number, sku in enumerate(skus)}
    table = np.zeros((len(skus), last - first + 1), np.int64)
    for (sku, day), quantity in asked.items():
        table[numbers[sku], day - first] = quantity // 10 ** (SCALE_MAX - scale)
    if table.sum(axis=1, dtype=np.float64).max() > SCALED_MAX:
        raise CommandError(f"{path}: the demand for a SKU is beyond 10^18 in its smallest unit")
    unit_costs = np.array([costs.get(sku, 0) for sku in skus], np.int64)
    return Demand(skus, first, table, unit_costs, scale)


def _scale(quantities: Iterable[int]) -> int:
    """The fewest decimals that all of these millionths can be written with."""
    common = gcd(*quantities, 10**SCALE_MAX)
    return next(scale for scale in range(SCALE_MAX + 1) if common % 10 ** (SCALE_MAX - scale) == 0)


def _costs(path: Path | None, share: Decimal) -> dict[str, int]:
    found: dict[str, int] = {}
    if path is None:
        return found
    for row in _rows(path, ("sku",)):
        column = next((name for name in COST_COLUMNS if name in row.values), None)
        if column is None:
            raise CommandError(f"{path}: there is no column {' or '.join(COST_COLUMNS)}")
        number = _number(path, row, column)
        try:
            cost = round(number * share)
        except ArithmeticError:
            cost = SCALED_MAX + 1
        if cost > SCALED_MAX:
            raise CommandError(f"{path}, line {row.line}: the cost is beyond 10^18 millionths")
        found[_text(path, row, "sku")] = cost
    return found


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[Row]:
    if not is_file(path):
        raise CommandError(f"there is no file {path}")
    with open_rows(path, "csv", "utf-8-sig", ",") as source:
        missing = [name for name in needed if name not in (source.columns or [])]
        if missing:
            raise CommandError(f"{path}: there is no column {', '.join(missing)}")
        for row in source.rows:
            if row.problem is not None:
                raise CommandError(f"{path}, line {row.line}: {row.problem}")
            yield row


def _text(path: Path, row: Row, column: str) -> str:
    value = str(row.values[column] or "")
    if not value:
        raise CommandError(f"{path}, line {row.line}: {column} is empty")
    return value


def _day(path: Path, row: Row) -> int:
    try:
        return (date.fromisoformat(_text(path, row, "day")) - EPOCH).days
    except ValueError:
        raise CommandError(
            f"{path}, line {row.line}: {row.values['day']} is no day such as 2011-06-30"
        ) from None


def _number(path: Path, row: Row, column: str) -> int:
    """An exact decimal that is not negative, in millionths."""
    number = scaled(_text(path, row, column), SCALE_MAX)
    if isinstance(number, Rejected):
        raise CommandError(f"{path}, line {row.line}: {column}: {number.detail}")
    if number < 0:
        raise CommandError(f"{path}, line {row.line}: {column} is negative")
    return number
