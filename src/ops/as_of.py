"""`stockledger as-of`: the stock of a SKU as it was, or as it was known, at a moment."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings
from ops.console import CommandError, ExitCode, print_document, stdout
from ops.views import with_views

if TYPE_CHECKING:
    from projections.database import Database, ReadConnection
    from projections.history.moments import Moment

_Option = typer.Option


def as_of(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    sku: Annotated[str, typer.Argument(help="The SKU.", show_default=False)],
    *,
    occurred: Annotated[
        str | None,
        _Option(
            "--as-of",
            metavar="INSTANT",
            help="Count what occurred by then.",
            show_default=False,
        ),
    ] = None,
    known: Annotated[
        str | None,
        _Option(
            "--as-known-at",
            metavar="INSTANT",
            help="Count what was recorded by then.",
            show_default=False,
        ),
    ] = None,
    position: Annotated[
        str | None,
        _Option(
            "--as-of-position",
            metavar="3:17",
            help="Count records up to this one.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Show the stock of a SKU at a moment, from the views. No server is needed.

    What the log has beyond the views is not in it: the answer says up to which position it is.

    Exit codes: 0 shown; 1 the SKU was never seen; 2 an instant or a position is wrong; 3 the
    database does not answer.
    """
    as_of_us, as_known_at_us = _instant("--as-of", occurred), _instant("--as-known-at", known)
    positions = None if position is None else _positions(position)

    async def find(database: "Database") -> dict[str, Any] | None:
        from projections.history.moments import resolve
        from projections.views.stock_as_of import find_stock_as_of

        async with database.reader() as reader:
            await _check(reader, positions or {})
            moment: Moment = await resolve(
                reader,
                as_of_us=as_of_us,
                as_known_at_ms=None if as_known_at_us is None else as_known_at_us // 1000,
                positions=positions,
            )
            return await find_stock_as_of(reader, sku, moment)

    found = with_views(settings, find)
    if found is None:
        raise CommandError(f"the SKU {sku} was never seen", ExitCode.FOUND_WRONG)
    [partition] = found["as_of_position"]
    if positions is not None and int(partition) not in positions:
        # Nothing of it would be left out, whatever moment was meant.
        raise CommandError(f"--as-of-position: the SKU {sku} is in partition {partition}")
    if as_json:
        print_document(found)
    else:
        _show(found)


def _instant(name: str, text: str | None) -> int | None:
    from ledger.domain.codes import instant
    from ledger.domain.rejections import Rejected

    if text is None:
        return None
    found = instant(text)
    if isinstance(found, Rejected):
        raise CommandError(f"{name}: {found.detail}")
    return found


def _positions(text: str) -> dict[int, int]:
    from projections.positions import NOTHING, InvalidPosition, parse_positions

    try:
        return parse_positions(text, least=NOTHING)
    except InvalidPosition as error:
        raise CommandError(f"--as-of-position: {error}") from None


async def _check(reader: "ReadConnection", wanted: dict[int, int]) -> None:
    from projections.positions import read_positions

    known = await read_positions(reader)
    for partition, offset in wanted.items():
        if known and partition > max(known):
            raise CommandError(
                f"--as-of-position: there is no partition {partition}; 0 to {max(known)}"
            )
        if offset >= known.get(partition, 0):
            raise CommandError(f"--as-of-position: the views have not read {partition}:{offset}")


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

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
        table.add_row(*map(Text, cells))
    if found["positions"]:
        console.print(table)
