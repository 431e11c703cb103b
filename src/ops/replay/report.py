"""A replay for people: a table of stock keys, and what was read."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from rich.console import Console

from ops.replay.answer import SkuAnswer, StockRow
from ops.replay.partition import PartitionAnswer
from ops.tables import Table


def show(
    console: Console,
    document: dict[str, Any],
    skus: Iterable[SkuAnswer],
    *,
    rows_max: int,
    has_range: bool,
) -> None:
    """Print at most `rows_max` stock keys, then the totals of all."""
    keys = ((sku, row) for sku in skus for row in sku.stock)
    shown = list(islice(keys, rows_max))
    if shown:
        console.print(_table(shown, has_range=has_range))
    rest = sum(1 for _ in keys)
    if rest:
        console.print(f"… and {rest:,} more stock keys (--show, --json or --out give all)")
    for line in lines(document):
        console.print(line, markup=False)


def lines(document: dict[str, Any]) -> list[str]:
    """What it comes to, and up to where it was read."""
    totals = document["totals"]
    units = ", ".join(f"{amount} {unit}" for unit, amount in totals["on_hand"].items())
    found = [
        f"{totals['skus']:,} SKUs, {totals['stock_keys']:,} stock keys, "
        f"{totals['supply_lines']:,} open supply lines",
        f"on hand: {units or 'nothing'}; value: {totals['value']} {document['currency']}",
    ]
    if totals["negative_keys"]:
        found.append(
            f"{totals['negative_keys']:,} stock keys are negative: what left them had occurred by "
            "then, and what filled them had not"
        )
    partitions = document["partitions"]
    positions = ",".join(f"{one['partition']}:{one['position']}" for one in partitions)
    counting = sum(one["counting"] for one in partitions)
    void = sum(one["void"] for one in partitions)
    found.append(f"as of position {positions}: {counting:,} records that count, {void:,} void ones")
    return found


def warnings(answers: Sequence[PartitionAnswer]) -> list[str]:
    """What nothing in the log proves."""
    return [
        f"partition {answer.partition}: nothing lies at {gap}, and no later record shows that "
        "nothing counted there"
        for answer in answers
        for gap in answer.open_gaps
    ]


def _table(rows: Sequence[tuple[SkuAnswer, StockRow]], *, has_range: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("SKU", "location", "lot", "status"):
        table.add_column(name)
    for name in ("opening", "in", "out") if has_range else ():
        table.add_column(name, justify="right")
    table.add_column("on hand", justify="right")
    table.add_column("unit")
    for sku, row in rows:
        moved = (row.opening, row.came, row.went) if has_range else ()
        cells = (sku.sku, row.location, row.lot, row.status, *moved, row.on_hand, sku.unit)
        table.add_row(*(cell or "" for cell in cells))
    return table
