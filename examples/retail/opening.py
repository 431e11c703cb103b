"""Make up the opening stock that the sample's sales need; the real file has no receipts.

    python examples/retail/opening.py sample.csv.gz mapping.toml opening.csv

Each SKU gets as much as the sample ever takes out beyond what it brought back until then, in full
cases and one case more, at a cost of half its first selling price. All of that is made up, and
`opening.toml` says so on every receipt.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from ops.loading.mapping import compile_mapping, read_mapping
from ops.loading.rows import identity, open_rows

OUTGOING = {"pick", "issue"}
UNIT_COST_DEFAULT = Decimal(1)
CASE = 12
Costs = dict[str, Decimal]


def movements(sample: Path, mapping_path: Path) -> Iterator[tuple[dict[str, Any], Decimal]]:
    """The movements of the sample, each with its line's price."""
    mapping = read_mapping(mapping_path)
    with open_rows(sample, "csv", "utf-8", ",") as source:
        mapper = compile_mapping(mapping, source.columns, identity(sample))
        for row in source.rows:
            movement = mapper.movement(row)
            if isinstance(movement, dict):
                yield movement, Decimal(row.values["UnitPrice"])


def change(movement: dict[str, Any]) -> int:
    """What a movement adds to the stock."""
    quantity = int(movement["quantity"])
    return -quantity if movement["type"] in OUTGOING else quantity


def changes(sample: Path, mapping_path: Path) -> Iterator[tuple[str, int]]:
    """SKU and change of every movement, in order."""
    for movement, _ in movements(sample, mapping_path):
        yield movement["sku"], change(movement)


def needed(sample: Path, mapping_path: Path) -> tuple[Counter[str], Counter[str], Costs]:
    """By SKU: the stock it must start with, how much of it moves, and what one costs."""
    balances: Counter[str] = Counter()
    opening: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    costs: Costs = {}
    for movement, price in movements(sample, mapping_path):
        sku, quantity = movement["sku"], change(movement)
        if price > 0:
            costs.setdefault(sku, (price / 2).quantize(Decimal("0.01")))
        balances[sku] += quantity
        moved[sku] += abs(quantity)
        opening[sku] = max(opening[sku], -balances[sku])
    return Counter({sku: _cases(quantity) for sku, quantity in opening.items()}), moved, costs


def _cases(quantity: int) -> int:
    """Full cases, and one more: a shop would not open with exactly what it is going to sell."""
    return (-(-quantity // CASE) + 1) * CASE


def write(path: Path, opening: Counter[str], costs: Costs) -> None:
    """Write the receipts as a CSV file, SKUs in order, so that the file is always the same."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sku", "quantity", "unit_cost"])
        for sku, quantity in sorted(opening.items()):
            if quantity > 0:
                writer.writerow([sku, quantity, costs.get(sku, UNIT_COST_DEFAULT)])


def main() -> None:
    """Run as a program."""
    sample, mapping, target = map(Path, sys.argv[1:4])
    opening, _, costs = needed(sample, mapping)
    write(target, opening, costs)


if __name__ == "__main__":
    main()
