"""`stockledger seal`: sign what the log says now, so that its past cannot be changed unseen."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings
from ops.console import CommandError, print_document, stderr, stdout
from ops.existing_log import existing_log
from ops.faults import explain

if TYPE_CHECKING:
    from ops.seals.documents import SignedSeal
    from ops.seals.sealing import Order

_Option = typer.Option


def seal(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    *,
    key: Annotated[
        Path | None, _Option(help="File of the private key to sign with.", show_default=False)
    ] = None,
    into: Annotated[
        Path | None,
        _Option(
            metavar="FOLDER",
            help="Folder of the seals; the new one follows the newest there.",
            show_default=False,
        ),
    ] = None,
    new_key: Annotated[
        Path | None,
        _Option(
            metavar="FILE",
            help="Make a key in FILE, and its public half in FILE.pub; no seal.",
            show_default=False,
        ),
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        _Option(
            help="Public key of earlier seals that were signed with another key.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Seal the log: sign the chain heads and Merkle roots of all partitions, into a file.

    Only what was added since the newest seal of the folder is read. Keep key and seals where nobody
    who can write the log can write.

    Exit codes: 0 sealed; 1 the log is not what was sealed before; 2 used wrongly, for example a key
    that others may read; 3 Kafka does not answer, or the disk is full.
    """  # fmt: skip
    if new_key is not None:
        if (key or into or public_key) is not None:
            raise CommandError("--new-key goes alone")
        _make_key(new_key, as_json=as_json)
        return
    if key is None or into is None:
        raise CommandError("--key and --into are needed, or --new-key")
    try:
        made, path = _seal(settings, _order(key, into, public_key or []), into)
    except Exception as error:
        raise explain(error, settings) or error from error
    _say(made, path, as_json=as_json)


def _make_key(path: Path, *, as_json: bool) -> None:
    from ops.seals.keys import make_key, public_path

    name, public = make_key(path), public_path(path)
    if as_json:
        print_document({"key_id": name, "private_key": str(path), "public_key": str(public)})
        return
    stdout().print(f"key {name}: {path} (keep it secret), {public} (give it away)", markup=False)


def _order(key: Path, into: Path, public_keys: list[Path]) -> "Order":
    from ops.seals.check import authenticate
    from ops.seals.folder import newest
    from ops.seals.keys import key_id, raw_public, read_private, read_public
    from ops.seals.sealing import Order

    private = read_private(key)
    raw = raw_public(private)
    before = newest(into)
    if before is not None:
        authenticate(before, {key_id(raw): raw, **read_public(public_keys)})
    return Order(private, _now, None if before is None else before.seal)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _seal(settings: Settings, order: "Order", into: Path) -> "tuple[SignedSeal, Path]":
    from ops.seals.folder import add
    from ops.seals.progress import counting
    from ops.seals.sealing import make_seal

    async def sealed() -> "SignedSeal":
        async with existing_log(settings) as log:
            with counting("sealing") as progress:
                return await make_seal(log, order, progress)

    made = asyncio.run(sealed())
    return made, add(into, made)


def _say(made: "SignedSeal", path: Path, *, as_json: bool) -> None:
    from ops.seals.documents import described, from_base64
    from ops.seals.keys import KEY_BYTES, key_id

    raw = from_base64(made.seal.public_key, KEY_BYTES)
    assert raw is not None
    document: dict[str, Any] = described(made.seal, key_id(raw))
    if as_json:
        print_document({"file": str(path), **document})
        return
    stdout().print(
        f"{path}: seal number {document['number']} of {document['records']:,} records in "
        f"{len(document['partitions'])} partitions, by the key {document['key_id']}",
        markup=False,
    )
    stderr().print(f"digest {document['digest']}", markup=False)
