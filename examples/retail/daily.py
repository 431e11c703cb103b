"""Sum the whole retail file by day, so that half a year of real demand fits into this folder.

    python examples/retail/daily.py online_retail.csv.gz examples/retail

writes `daily.csv.gz`, one line for each SKU, day, movement type and reason, and `prices.csv.gz`,
each SKU's first price above zero. What is a movement, and of which type, says `mapping.toml`. The
days are those of the file, local to the shop.
"""

import csv
import gzip
import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from ops.loading.mapping import compile_mapping, read_mapping
from ops.loading.rows import Row, identity, open_rows

MAPPING = Path(__file__).with_name("mapping.toml")
DATE_LENGTH = len("2010-12-01")
Key = tuple[str, str, str, str]


def movements(source: Path) -> Iterator[tuple[dict[str, Any], Row]]:
    """The movements of the file, each with its line."""
    mapping = read_mapping(MAPPING)
    with open_rows(source, "csv", "utf-8", ",") as opened:
        mapper = compile_mapping(mapping, opened.columns, identity(source))
        for row in opened.rows:
            movement = mapper.movement(row)
            if isinstance(movement, dict):
                yield movement, row


def summed(source: Path) -> tuple[Counter[Key], Counter[Key], dict[str, Decimal]]:
    """Quantity and number of lines by SKU, day, type and reason; and the first price of a SKU."""
    quantities: Counter[Key] = Counter()
    lines: Counter[Key] = Counter()
    prices: dict[str, Decimal] = {}
    for movement, row in movements(source):
        day = row.values["InvoiceDate"][:DATE_LENGTH]
        key = (movement["sku"], day, movement["type"], movement.get("reason", ""))
        quantities[key] += int(movement["quantity"])
        lines[key] += 1
        price = Decimal(row.values["UnitPrice"])
        if price > 0:
            prices.setdefault(movement["sku"], price)
    return quantities, lines, prices


def write(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """A compressed CSV file that is the same whenever it is written."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


def main() -> None:
    """Run as a program."""
    source, folder = map(Path, sys.argv[1:3])
    quantities, lines, prices = summed(source)
    header = ("sku", "day", "type", "reason", "quantity", "lines")
    rows = ((*key, quantities[key], lines[key]) for key in sorted(quantities))
    write(folder / "daily.csv.gz", [header, *rows])
    write(folder / "prices.csv.gz", [("sku", "price"), *sorted(prices.items())])


if __name__ == "__main__":
    main()
