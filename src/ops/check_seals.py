"""`stockledger check-seals`: whether seals are genuine and none is missing, without the log."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.errors import LedgerError
from ledger.presence import is_dir
from ops.console import CommandError, ExitCode, print_document, stderr, stdout

if TYPE_CHECKING:
    from ops.seals.check import Seals


def check_seals(
    path: Annotated[
        Path, typer.Argument(help="A seal, or the folder of all seals.", show_default=False)
    ],
    *,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(help="A public key that you were given.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Check signatures, that no seal of a folder is missing, and that each extends the last.

    Needs no log and no settings. Whether the log is what was sealed, verify --seal finds out.

    Exit codes: 0 all is well; 1 it is not, or the folder lacks the first seals; 2 used wrongly.
    """
    from ops.seals.check import read_seals

    try:
        seals = read_seals(path, public_key or [])
    except LedgerError as error:
        raise CommandError(str(error), ExitCode.FOUND_WRONG) from None
    _show(seals, as_json=as_json)
    if seals.missing_before:
        stderr().print(_missing(seals.missing_before), markup=False)
        # Of one seal alone nobody expects what came before it.
        if is_dir(path):
            raise typer.Exit(ExitCode.FOUND_WRONG)


def _missing(count: int) -> str:
    which = "the seal number 1 is" if count == 1 else f"the seals number 1 to {count} are"
    return f"{which} not here: that number {count + 1} extends what was sealed before is not proved"


def _show(seals: "Seals", *, as_json: bool) -> None:
    document = seals.document()
    if as_json:
        print_document(document)
        return
    if not seals.authentic:
        stderr().print("no --public-key was given: anybody could have signed these", markup=False)
    stdout().print(
        f"seals number {document['first']} to {document['last']} of ledger "
        f"{document['ledger_id']}: the last of {document['sealed_at']} over "
        f"{document['records']:,} records, digest {document['digest']}",
        markup=False,
    )
