"""Demand from a CSV file: columns `sku`, `day` and `quantity`, and perhaps `type`.

With a column `type` only picks, issues and consumption are demand, as for the demand view. Costs
come from a second file with columns `sku` and `unit_cost` or `price`.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from ledger.domain.quantities import COST_UNIT, SCALE_MAX, SCALED_MAX
from ops.console import CommandError
from ops.loading.rows import Row, open_rows
from projections.planning.backtest.demand import Demand

DEMAND_TYPES = frozenset({"pick", "issue", "consume"})
CELLS_MAX = 500_000_000
EPOCH = date(1970, 1, 1)
COST_COLUMNS = ("unit_cost", "price")


def read_demand(path: Path, costs: Path | None, cost_share: Decimal) -> Demand:
    """The demand of the file by SKU and day. Raises CommandError with the line that is wrong.

    A SKU costs `cost_share` of what the costs' file says, and nothing if that does not name it.
    """
    asked: dict[tuple[str, int], Decimal] = {}
    for row in _rows(path, ("sku", "day", "quantity")):
        if row.values.get("type", "pick") not in DEMAND_TYPES:
            continue
        key = _text(path, row, "sku"), _day(path, row)
        asked[key] = asked.get(key, Decimal(0)) + _number(path, row, "quantity")
    if not asked:
        raise CommandError(f"{path}: there is no demand in it")
    return _table(path, asked, _costs(costs, cost_share))


def _table(path: Path, asked: dict[tuple[str, int], Decimal], costs: dict[str, int]) -> Demand:
    skus = sorted({sku for sku, _ in asked}, key=str.encode)
    first, last = min(day for _, day in asked), max(day for _, day in asked)
    if len(skus) * (last - first + 1) > CELLS_MAX:
        raise CommandError(f"{path}: more than {CELLS_MAX:,} SKUs times days; take a part of it")
    scale = max(_decimals(quantity) for quantity in asked.values())
    numbers = {sku: number for number, sku in enumerate(skus)}
    table = np.zeros((len(skus), last - first + 1), np.int64)
    for (sku, day), quantity in asked.items():
        scaled = int(quantity.scaleb(scale))
        if scaled > SCALED_MAX:
            raise CommandError(f"{path}: the demand of {sku} on a day is beyond 10^18")
        table[numbers[sku], day - first] = scaled
    unit_costs = np.array([costs.get(sku, 0) for sku in skus], np.int64)
    return Demand(skus, first, table, unit_costs, scale)


def _costs(path: Path | None, share: Decimal) -> dict[str, int]:
    found: dict[str, int] = {}
    if path is None:
        return found
    for row in _rows(path, ("sku",)):
        column = next((name for name in COST_COLUMNS if name in row.values), None)
        if column is None:
            raise CommandError(f"{path}: there is no column {' or '.join(COST_COLUMNS)}")
        cost = round(_number(path, row, column) * share * COST_UNIT)
        if cost > SCALED_MAX:
            raise CommandError(f"{path}, line {row.line}: the cost is beyond 10^18 millionths")
        found[_text(path, row, "sku")] = cost
    return found


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[Row]:
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


def _number(path: Path, row: Row, column: str) -> Decimal:
    try:
        number = Decimal(_text(path, row, column))
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 <= number <= SCALED_MAX and _decimals(number) <= SCALE_MAX):
        raise CommandError(
            f"{path}, line {row.line}: {column} {row.values[column]} is no amount of at most "
            f"{SCALE_MAX} decimals"
        )
    return number


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else SCALE_MAX + 1
