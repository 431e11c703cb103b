"""`stockledger as-of`: the stock of a SKU as it was, or as it was known, at a moment."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings
from ops.console import CommandError, ExitCode, print_document, stdout
from ops.moments import AsKnownAt, AsOf, AsOfPosition, ask, check_partition, moment_of
from ops.views import read_views

if TYPE_CHECKING:
    from projections.database import Database

_Option = typer.Option


def as_of(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    sku: Annotated[str, typer.Argument(help="The SKU.", show_default=False)],
    *,
    occurred: AsOf = None,
    known: AsKnownAt = None,
    position: AsOfPosition = None,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Show the stock of a SKU at a moment, from the views. No server is needed.

    What the log has beyond the views is not in it: the answer says up to which position it is.

    Exit codes: 0 shown; 1 the SKU was never seen, or there are no views; 2 an instant or a
    position is wrong; 3 the database does not answer.
    """
    asked = ask(occurred, known, position)

    async def find(database: "Database") -> dict[str, Any] | None:
        from projections.views.stock_as_of import find_stock_as_of

        async with database.reader() as reader:
            return await find_stock_as_of(reader, sku, await moment_of(reader, asked))

    found = read_views(settings, find)
    if found is None:
        raise CommandError(f"the SKU {sku} was never seen", ExitCode.FOUND_WRONG)
    [partition] = found["as_of_position"]
    check_partition(asked, sku, int(partition))
    if as_json:
        print_document(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    from ops.tables import Table

    console = stdout()
    position = ", ".join(f"{one}:{offset}" for one, offset in found["as_of_position"].items())
    console.print(
        f"{found['sku']}: on hand {found['on_hand']}, unavailable {found['unavailable']},"
        f" value {found['value']}, up to position {position}",
        markup=False,
    )
    table = Table("location", "lot", "status", "on hand")
    for line in found["positions"]:
        mark = " negative" if line["negative"] else ""
        cells = line["location"], line["lot"] or "", line["status"], line["on_hand"] + mark
        table.add_row(*cells)
    if found["positions"]:
        console.print(table)
