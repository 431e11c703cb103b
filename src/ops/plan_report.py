"""What `stockledger plan` shows to people."""

from typing import Any

from rich.console import Console

from ops.tables import Table

_SHOWN = ("value", "unit", "meaning", "formula", "source")


def show_run(console: Console, run: dict[str, Any]) -> None:
    """A run with its cells and the series that rank first."""
    counts = run["counts"] or {}
    what = ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items()))
    console.print(f"run {run['id']}: {run['state']}, as of {run['as_of']}", markup=False)
    console.print(f"{what}; digest {run['digest']}", markup=False)
    summary = run["summary"]
    if summary["cells"]:
        console.print(_cells(summary["cells"]))
        console.print(_first(summary["first"]))


def _cells(cells: list[dict[str, Any]]) -> Table:
    classes = sorted({cell["xyz"] for cell in cells})
    table = Table("", *classes, title="series (share of the total in %)")
    found = {(cell["abc"], cell["xyz"]): cell for cell in cells}
    for letter in sorted({cell["abc"] for cell in cells}):
        shown = [_cell(found.get((letter, one))) for one in classes]
        table.add_row(letter, *shown)
    return table


def _cell(cell: dict[str, Any] | None) -> str:
    return "" if cell is None else f"{cell['series']:,} ({cell['share_percent']})"


def _first(rows: list[dict[str, Any]]) -> Table:
    table = Table("SKU", "site", "class", "share in %", title="first by rank")
    for row in rows:
        table.add_row(row["sku"], row["site"] or "", row["class"], row["share_percent"])
    return table


def show_repeated(console: Console, found: dict[str, Any]) -> None:
    """Whether a repetition came to the same, and where not."""
    rows = found["compared_rows"]
    compared = "its digest (results are deleted)" if rows is None else f"{rows:,} rows"
    console.print(f"run {found['run_id']}: {compared} compared: {_verdict(found)}", markup=False)
    for one in found["differences"]:
        key = " ".join(part for part in one["key"] if part)
        console.print(
            f"{one['table']} {key} {one['column']}: {one['stored']} stored, {one['repeated']} now",
            markup=False,
        )


def _verdict(found: dict[str, Any]) -> str:
    if found["equal"]:
        return "equal, digit by digit"
    if found["count"]:
        return f"{found['count']:,} differences"
    if found["compared_rows"] is None:
        return "another digest"
    # The digest is of all columns, and each version of the code has its own.
    return "equal, but with another digest, as of results with other columns"


def show_explanation(console: Console, found: dict[str, Any]) -> None:
    """Every number of a series with its formula and source."""
    where = f" at {found['site']}" if found["site"] else ""
    console.print(
        f"{found['sku']}{where} in run {found['run']}, as of {found['as_of']}", markup=False
    )
    for step in found["steps"]:
        table = Table("", "value", "unit", "meaning", "formula", "source", title=step["step"])
        for one in step["numbers"]:
            cells = (one["symbol"] or one["name"], *(one[name] for name in _SHOWN))
            table.add_row(*(cell or "" for cell in cells))
        console.print(table)
    inputs = found["inputs"]
    console.print(f"on hand {inputs['on_hand']}, on order {inputs['on_order']}", markup=False)
    console.print(f"movements: {inputs['movements']}", markup=False)
    says = "comes out again" if found["agrees"] else "does not come out again"
    console.print(f"What is stored {says}.", markup=False)
    for one in found["differences"]:
        console.print(
            f"{one['name']}: {one['stored']} stored, {one['recomputed']} now", markup=False
        )
