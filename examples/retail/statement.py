"""Make up a warehouse's statement of stock from the sample's sales; the real file has none.

    python examples/retail/statement.py sample.csv.gz mapping.toml 2010-12-01T12:00:00Z 3pl.csv

It says what the opening stock and the sales until then leave, as a warehouse that writes decimal
commas would, and so that something is wrong with the first four articles: two of the first are
missing, three too many of the second are there, the third is not named, and the line of the fourth
is in two parts. At the end stands an article that the ledger does not know. All of it is made up.
"""

import csv
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from examples.retail.opening import change, movements, needed

SHORT, OVER = -2, 3
UNKNOWN = ("NOT-LISTED", 4)


def stock_at(sample: Path, mapping: Path, instant: str) -> Counter[str]:
    """By SKU: what the opening stock and all movements until the instant (UTC, with Z) leave."""
    left = needed(sample, mapping)[0]
    for movement, _ in movements(sample, mapping):
        # Of one form, so that they are compared as texts.
        if movement["occurred_at"] <= instant:
            left[movement["sku"]] += change(movement)
    return +left


def lines(left: Counter[str]) -> list[tuple[str, int]]:
    """Article and quantity as the warehouse states them, with what is wrong."""
    first, second, _not_named, fourth, *rest = sorted(left)
    half = left[fourth] // 2
    return [
        (first, left[first] + SHORT),
        (second, left[second] + OVER),
        (fourth, half),
        *((sku, left[sku]) for sku in rest),
        (fourth, left[fourth] - half),
        UNKNOWN,
    ]


def _continental(quantity: int) -> str:
    return f"{quantity:,}".replace(",", ".") + ",000"


def main() -> None:
    """Run as a program."""
    sample, mapping, instant, target = sys.argv[1:5]
    stated = lines(stock_at(Path(sample), Path(mapping), instant))
    with Path(target).open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(["Article", "On hand"])
        writer.writerows((sku, _continental(quantity)) for sku, quantity in stated)
        writer.writerow(["TOTAL", sum(quantity for _, quantity in stated)])


if __name__ == "__main__":
    main()
