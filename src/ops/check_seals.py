"""`stockledger check-seals`: whether seals are genuine and none is missing, without the log."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import LedgerError
from ops.console import CommandError, ExitCode, print_document, stderr, stdout


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
    """Check signatures, that no seal between others is missing, and that each extends the last.

    Needs no log and no settings. Whether the log is what was sealed, verify --seal finds out.

    Exit codes: 0 all is well; 1 it is not; 2 used wrongly.
    """
    from ops.seals.check import read_seals

    try:
        seals = read_seals(path, public_key or [])
    except LedgerError as error:
        raise CommandError(str(error), ExitCode.FOUND_WRONG) from None
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
