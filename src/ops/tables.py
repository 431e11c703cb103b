"""Tables for people, of which nothing is cut off."""

from typing import Any, Final

from rich import table
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

# Of a longer word, what is read at a glance.
FOLDED_WIDTH_MIN: Final = 8


class Table(table.Table):
    """What a narrow terminal has no room for is folded; elsewhere `stdout` has room for all."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Beyond the edge rather than without columns."""
        # Each with a blank to both sides and a line.
        least = 1 + sum((column.min_width or 1) + 3 for column in self.columns)
        width = max(options.max_width, least)
        return super().__rich_console__(console, options.update(max_width=width))

    def add_column(self, header: Any = "", *more: Any, **options: Any) -> None:
        """A column whose long words go on in the next line; to the right are numbers."""
        # A part of a number looks like a number, so it stays whole even beyond the edge.
        whole = options.get("justify") == "right"
        least = cell_len(header) if whole else 1
        defaults: dict[str, Any] = {"overflow": "fold", "no_wrap": whole, "min_width": least}
        super().add_column(header, *more, **(defaults | options))

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Cells as they are: a text in brackets is no markup."""
        plain = [Text(cell) if isinstance(cell, str) else cell for cell in cells]
        super().add_row(*plain, **options)
        for column, cell in zip(self.columns, plain, strict=False):
            if isinstance(cell, Text):
                least = cell.cell_len if column.no_wrap else min(FOLDED_WIDTH_MIN, cell.cell_len)
                column.min_width = max(column.min_width or 0, least)
