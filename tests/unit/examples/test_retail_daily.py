"""The retail data by day is that of the sample, where both have the day."""

import csv
import gzip
from pathlib import Path

from examples.retail import daily

RETAIL = Path(__file__).parents[3] / "examples" / "retail"
SAMPLE_UNTIL = "2010-12-06"


def _rows(name: str) -> list[list[str]]:
    with gzip.open(RETAIL / name, "rt", newline="") as file:
        return list(csv.reader(file))


def test_the_sample_sums_up_to_its_days() -> None:
    """Every SKU, day, type and reason of the first five selling days, and no more."""
    quantities, lines, prices = daily.summed(RETAIL / "sample.csv.gz")
    made = [[*key, str(quantities[key]), str(lines[key])] for key in sorted(quantities)]
    header, *shipped = _rows("daily.csv.gz")
    assert header == ["sku", "day", "type", "reason", "quantity", "lines"]
    assert [row for row in shipped if row[1] <= SAMPLE_UNTIL] == made
    shipped_prices = dict(_rows("prices.csv.gz"))
    assert {sku: shipped_prices[sku] for sku in prices} == {
        sku: str(price) for sku, price in prices.items()
    }


def test_the_days_are_all_of_the_half_year() -> None:
    """As many lines as the file has that are goods."""
    rows = _rows("daily.csv.gz")[1:]
    assert len(rows) == len({tuple(row[:4]) for row in rows}) == 138_503
    assert (min(row[1] for row in rows), max(row[1] for row in rows)) == (
        "2010-12-01",
        "2011-06-30",
    )
    assert sum(int(row[5]) for row in rows) == 245_903 - 1_493
    assert rows == sorted(rows, key=lambda row: row[:4])


def test_what_is_written_is_what_was_read(tmp_path: Path) -> None:
    """Written again, a file says the same; and twice in a row it is the same bytes."""
    for name in ("daily.csv.gz", "prices.csv.gz"):
        rows = _rows(name)
        daily.write(tmp_path / name, rows)
        first = (tmp_path / name).read_bytes()
        daily.write(tmp_path / name, rows)
        assert (tmp_path / name).read_bytes() == first
        assert gzip.decompress(first) == gzip.decompress((RETAIL / name).read_bytes())
