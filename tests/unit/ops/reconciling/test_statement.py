"""A file as a statement: what is read, what is left out, and what cannot be read."""

from pathlib import Path

import pytest

from ops.console import CommandError
from ops.loading.rows import open_rows
from ops.reconciling.keys import Level
from ops.reconciling.statement import (
    Reader,
    Statement,
    StatementMapping,
    read_statement_mapping,
)
from tests.unit.ops.reconciling.made import at

MAPPING = """
[source]
delimiter = ";"
[fields]
sku = "{Article}"
quantity = "{On hand}"
location = "3PL/{Bin}"
lot = "{Batch}"
status = { column = "Stock", map = { F = "available", Q = "quarantined", "" = "" } }
[[skip]]
reason = "total"
when = { column = "Article", equals = "TOTAL" }
[statement]
within = ["3PL"]
decimal_mark = ","
group_mark = "."
"""
HEADER = "Article;Bin;Batch;Stock;On hand\n"


def mapping(folder: Path, text: str = MAPPING) -> StatementMapping:
    """The mapping of a text."""
    path = folder / "statement.toml"
    path.write_text(text)
    return read_statement_mapping(path)


def read(folder: Path, rows: str, spec: StatementMapping) -> Statement:
    """The statement of a CSV file with these rows."""
    path = folder / "statement.csv"
    path.write_text(HEADER + rows)
    with open_rows(path, "csv", "utf-8", ";") as source:
        return Reader(spec, source.columns, "f" * 64).read(source.rows)


def test_lines(tmp_path: Path) -> None:
    """Every line is counted, and has its number."""
    rows = (
        "A;01;L1;F;1.234,50\n"
        "B;02;;;7\n"
        "TOTAL;;;;1.241,50\n"
        ";03;;F;1\n"
        "C;04;;X;1\n"
        "D;/;;F;1\n"
        "E;05;;F;many\n"
        "F;06;;F;1.5\n"
        "G;07;;F;-2\n"
        "H;08;;F\n"
    )
    found = read(tmp_path, rows, mapping(tmp_path))
    assert [(one.line, one.at, one.quantity) for one in found.lines if not one.problem] == [
        (2, at("A", "3PL/01", "L1", "available"), "1234.50"),
        (3, at("B", "3PL/02", "", "available"), "7"),
        (10, at("G", "3PL/07", "", "available"), "-2"),
    ]
    # The key of these is certain, so that no other key is in doubt.
    assert [one.line for one in found.lines if one.problem] == [8, 9]
    assert "such as 1.234,5" in str(found.lines[2].problem)
    assert {one.line: one.detail for one in found.unreadable} == {
        5: "sku is empty", 6: "status: 'X' is not in the map",
        7: "a location is a path such as MAIN/A/01, at most 200 characters",
        11: "4 values for 5 columns",
    }  # fmt: skip
    assert (found.count, found.skipped) == (10, {"total": 1})


def test_what_lies_elsewhere(tmp_path: Path) -> None:
    """A line about a place or status that the statement does not speak of is not believed."""
    text = MAPPING.replace("3PL/{Bin}", "{Bin}") + 'statuses = ["available"]\n'
    found = read(tmp_path, "A;3PL/1;;F;1\nA;3PL2;;F;1\nA;3PL;;Q;1\n", mapping(tmp_path, text))
    assert [one.line for one in found.lines] == [2]
    assert [(one.line, one.detail.split(" is not")[0]) for one in found.unreadable] == [
        (3, "3PL2"), (4, "quarantined"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "terms", "level"),
    [
        ("", "", Level()),
        ('location = "{Bin}"', "", Level(0)),
        ('location = "{Bin}"', "location = 1", Level(1)),
        ('location = "{Bin}"', 'location = "below"', Level(0, below=True)),
        ('location = "{Bin}"\nlot = "{Batch}"', "", Level(0, lot=True)),
        ('status = "{Stock}"', "", Level(status=True)),
    ],
)
def test_the_level_is_what_the_statement_has(
    tmp_path: Path, fields: str, terms: str, level: Level
) -> None:
    """The columns that are named decide."""
    text = f'[fields]\nsku = "{{Article}}"\nquantity = "1"\n{fields}\n[statement]\n{terms}\n'
    assert mapping(tmp_path, text).level == level


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[fields]\nsku = 'a'", "the field quantity is missing"),
        ("[fields]\nsku = 'a'\nquantity = 1\nsite = 'x'", "there is no field site"),
        ("[fields]\nsku = 'a'\nquantity = 1\n[statement]\nlocation = 1", "no field location"),
        ("[fields]\nsku = 'a'\nquantity = 1\nlocation = 'x'\n[statement]\nlocation = 0", "1 to 20"),
        ("[fields]\nsku = 'a'\nquantity = 1\n[statement]\nwithin = ['@x']", "within and place"),
        ("[fields]\nsku = 'a'\nquantity = 1\n[statement]\nplace = ''", "within and place"),
        (
            "[fields]\nsku = 'a'\nquantity = 1\n[statement]\nstatuses = ['new']",
            "statuses: a status",
        ),
        ("[fields]\nsku = 'a'\nquantity = 1\n[statement]\ndecimal_mark = '0'", "decimal_mark"),
        ("[fields]\nsku = 'a'\nquantity = 1\n[statement]\ngroup_mark = '.'", "decimal mark, too"),
        ("[fields]\nsku = 'a'\nquantity = 1\n[statement]\ngroup_mark = 'xx'", "one sign"),
        ("[fields]\nsku = 'a'\nquantity = 1\n[statement]\ndoubled = 'keep'", "Invalid enum"),
        ("[fields]\nsku = 'a'\nquantity = 1\n[statment]", "unknown field"),
        (
            "[source]\ntime_zone = 'Mars/X'\n[fields]\nsku = 'a'\nquantity = 1",
            "no time zone 'Mars/X'",
        ),
        ("[source]\ndelimiter = ''\n[fields]\nsku = 'a'\nquantity = 1", "one character"),
        ("fields", "no TOML"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said(tmp_path: Path, text: str, says: str) -> None:
    """In one sentence, before anything is read."""
    with pytest.raises(CommandError, match=says):
        mapping(tmp_path, text)


def test_ndjson(tmp_path: Path) -> None:
    """A number with a point stays as exact as it is written; what is no object is named."""
    path = tmp_path / "statement.ndjson"
    path.write_text(
        '{"sku": "A", "quantity": 0.10}\n{"sku": "B", "quantity": 7}\n[1]\n{"quantity": 1}\n'
        '{"sku": "C", "quantity": 1e3}\n{"sku": "D", "quantity": null}\n'
    )
    spec = mapping(tmp_path, '[fields]\nsku = "{sku}"\nquantity = "{quantity}"\n')
    with open_rows(path, "ndjson", "utf-8", ",") as source:
        found = Reader(spec, source.columns, "f" * 64).read(source.rows)
    assert [(one.at.sku, one.quantity, one.problem is None) for one in found.lines] == [
        ("A", "0.10", True), ("B", "7", True), ("C", "", False), ("D", "", False),
    ]  # fmt: skip
    assert [(one.line, one.detail) for one in found.unreadable] == [
        (3, "no JSON object"), (4, "sku: there is no 'sku'"),
    ]  # fmt: skip
