"""Tables for people."""

import io

import pytest
from rich.console import Console

from ops.tables import Table

NUMBER = "-1234567.125"
CELLS = ("STOCKLEDGER_KAFKA_BOOTSTRAP", "[red]postgresql://[fe80::1]/d", NUMBER)


def shown(width: int) -> list[str]:
    """The lines of a row on such a terminal, without those of the header."""
    out = io.StringIO()
    table = Table("name", "value", box=None, show_header=False)
    table.add_column("number", justify="right")
    table.add_row(*CELLS)
    Console(file=out, width=width, force_terminal=True, soft_wrap=True).print(table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [16, 20, 30, 50, 200])
def test_a_narrow_terminal_folds(width: int) -> None:
    """Every character is there, and a number is whole."""
    lines = shown(width)
    assert NUMBER in lines[0]
    assert sorted("".join("".join(lines).split())) == sorted("".join(CELLS))


def test_no_column_goes() -> None:
    """Numbers that leave no room for others do not take it from them."""
    out = io.StringIO()
    names = ("sku", "location", "lot", "status")
    table = Table(*names)
    for name in ("stated", "on hand"):
        table.add_column(name, justify="right")
    table.add_row("SKU-100", "MAIN/A/01", "L-2024", "available", "12345.123456", "12345.000000")
    Console(file=out, width=30, force_terminal=True, soft_wrap=True, no_color=True).print(table)
    assert all(one in out.getvalue() for one in ("SKU-100", "MAIN/A/0", "L-2024", "availabl"))


def test_what_there_is_room_for_is_in_one_line() -> None:
    """And a table that can be folded stays within the terminal."""
    assert [line.split() for line in shown(200)] == [list(CELLS)]
    assert len(shown(50)) > 1
    assert max(map(len, shown(50))) <= 50
