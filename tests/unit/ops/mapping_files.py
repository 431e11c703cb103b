"""Small mappings and files for the tests of loading."""

from pathlib import Path
from typing import Any

from ops.loading.mapping import Mapper, Skipped, compile_mapping, read_mapping
from ops.loading.rows import Row

COLUMNS = ["Invoice", "Code", "Text", "Quantity", "Date"]
MINIMAL = """
[fields]
sku = "{Code}"
quantity = "{Quantity}"
location = "MAIN"
[[rule]]
type = "pick"
"""


def mapper(tmp_path: Path, text: str, columns: list[str] | None = COLUMNS) -> Mapper:
    """The mapping of a text."""
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    return compile_mapping(read_mapping(path), columns, "f" * 64)


def row(line: int = 2, **values: Any) -> Row:
    """A row with all columns."""
    known = {"Invoice": "1", "Code": "A", "Text": "", "Quantity": "3", "Date": "2010-12-01"}
    return Row(line, known | values)


def movement(made: Mapper, one: Row) -> dict[str, Any]:
    """The movement of a row that has one."""
    result = made.movement(one)
    assert not isinstance(result, Skipped)
    return result
