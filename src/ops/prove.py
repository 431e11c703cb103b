"""`stockledger prove` and `stockledger check-proof`: one record, held against a seal."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings
from ledger.errors import LedgerError
from ledger.presence import exists, is_symlink
from ledger.whole_files import write_new
from ops.console import CommandError, ExitCode, print_document, stdout
from ops.existing_log import existing_log
from ops.faults import explain
from ops.whole_files import unwritten

if TYPE_CHECKING:
    from ledger.log import EventLog
    from ops.seals.documents import SignedSeal
    from ops.seals.proofs import Proof
    from ops.seals.proving import Position

_Option = typer.Option
_POSITION = re.compile(r"(\d{1,6}):(\d{1,15})", re.ASCII)


def prove(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID|POSITION",
            help="Of the record; a position is partition:offset.",
            show_default=False,
        ),
    ],
    *,
    seal: Annotated[Path, _Option(help="A seal, or the folder of all seals.", show_default=False)],
    output: Annotated[
        Path, _Option("--output", "-o", help="File for the proof.", show_default=False)
    ],
    sku: Annotated[
        str | None, _Option(help="SKU of the id, whose partition is read.", show_default=False)
    ] = None,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Write a proof that a record was in the log when it was sealed; check-proof needs no log.

    With a folder of seals only the log between two of them is read; an id has to be looked for.

    Exit codes: 0 proved; 1 there is no such record, it is void or not sealed yet, or the log is not
    what was sealed; 2 used wrongly; 3 Kafka does not answer, or the disk is full.
    """  # fmt: skip
    if exists(output) or is_symlink(output):
        raise CommandError(f"{output} is there already")
    try:
        proof = asyncio.run(_prove(settings, _seals(seal), what, sku))
    except Exception as error:
        raise explain(error, settings) or error from error
    _write(output, proof)
    record = proof.record
    if as_json:
        print_document(
            {
                "file": str(output),
                "position": {"partition": record.partition, "offset": record.offset},
                "seal": proof.seal.seal.number,
                "sealed_at": proof.seal.seal.sealed_at,
            }
        )
        return
    stdout().print(
        f"{output}: {record.partition}:{record.offset} is in the seal number "
        f"{proof.seal.seal.number} of {proof.seal.seal.sealed_at}",
        markup=False,
    )


def _seals(path: Path) -> "list[SignedSeal]":
    """All the seals, each signed by the key that it names; whose key that is, check-proof asks."""
    from ops.seals.check import read_seals
    from ops.seals.folder import read_files

    read_seals(path, ())
    return read_files(path)


async def _prove(
    settings: Settings, seals: "list[SignedSeal]", what: str, sku: str | None
) -> "Proof":
    from ops.seals import proving
    from ops.seals.errors import SealRejected
    from ops.seals.walk import ledger_of

    async with existing_log(settings) as log:
        ledger_id, last = await ledger_of(log), seals[-1].seal
        if (last.ledger_id, len(last.partitions)) != (ledger_id, log.partitions):
            raise SealRejected(
                f"the seal is of ledger {last.ledger_id} with {len(last.partitions)} partitions, "
                f"the log of {ledger_id} with {log.partitions}"
            )
        place = await _place(log, what, sku)
        return await proving.prove(log, seals, place)


async def _place(log: "EventLog", what: str, sku: str | None) -> "Position":
    from ops.seals.proving import Position, find_id

    position = _POSITION.fullmatch(what)
    if position is None or sku is not None:
        return await find_id(log, what, sku)
    place = Position(int(position[1]), int(position[2]))
    if place.partition < log.partitions:
        end = await log.end(place.partition)
        if place.offset >= end:
            raise CommandError(
                f"{place} lies beyond the end of the log: its partition ends at {end}",
                ExitCode.FOUND_WRONG,
            )
    return place


def _write(path: Path, proof: "Proof") -> None:
    from ops.seals.proofs import write_proof

    try:
        write_new(path, write_proof(proof))
    except OSError as error:
        raise unwritten(path, error) from None


def check_proof(
    proof: Annotated[Path, typer.Argument(help="What prove wrote.", show_default=False)],
    *,
    public_key: Annotated[
        list[Path], _Option(help="The public key that you were given.", show_default=False)
    ],
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Check a proof, and show the record that it proves. Needs no log, settings or network.

    Exit codes: 0 it is proved; 1 it is not; 2 used wrongly.
    """
    from ops.seals import proofs
    from ops.seals.keys import read_public

    try:
        shown = proofs.check_proof(proofs.read_proof(proof), read_public(public_key))
    except LedgerError as error:
        raise CommandError(str(error), ExitCode.FOUND_WRONG) from None
    if as_json:
        print_document(shown)
        return
    for line in _lines(shown):
        stdout().print(line, markup=False)


def _lines(shown: dict[str, Any]) -> list[str]:
    import msgspec

    place, event = shown["position"], shown["event"]
    return [
        f"proved: {event.get('type')} {event.get('id')} of {event.get('subject')}, recorded at "
        f"{event.get('time')}",
        f"it lies at {place['partition']}:{place['offset']} of ledger {shown['ledger_id']}, and "
        f"was sealed by number {shown['seal']} at {shown['sealed_at']} with the key "
        f"{shown['key_id']}",
        msgspec.json.format(msgspec.json.encode(event), indent=2).decode(),
    ]
