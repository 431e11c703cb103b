"""Seals as files: one folder holds the seals of a ledger, `seal-000001.json` and so on."""

import re
from pathlib import Path
from typing import Final

from ledger.presence import exists, is_dir
from ledger.whole_files import write_new
from ops.console import CommandError, ExitCode
from ops.seals.documents import SEAL_BYTES_MAX, SignedSeal, parse, write_document
from ops.seals.errors import SealRejected
from ops.whole_files import unwritten

_NAME: Final = re.compile(r"seal-(\d{6,16})\.json")


def seal_path(folder: Path, number: int) -> Path:
    """Where the seal of a number lies."""
    return folder / f"seal-{number:06d}.json"


def read_seal(path: Path) -> SignedSeal:
    """One file. Raises CommandError if it cannot be read, SealRejected if it is no seal."""
    return parse(read_whole(path, SEAL_BYTES_MAX), str(path))


def read_whole(path: Path, bytes_max: int) -> bytes:
    """The content of a file that is no longer than that. Raises CommandError, SealRejected."""
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > bytes_max:
        raise SealRejected(f"{path} has more than {bytes_max} bytes")
    return content


def paths_in(folder: Path) -> list[Path]:
    """The files of a folder that are named as seals, in the order of their numbers."""
    try:
        found = {int(match[1]): path for path in folder.iterdir()
                 if (match := _NAME.fullmatch(path.name))}  # fmt: skip
    except OSError as error:
        raise CommandError(f"{folder} cannot be read: {error.strerror}") from None
    return [found[number] for number in sorted(found)]


def read_files(path: Path) -> list[SignedSeal]:
    """The seal of a file, or all seals of a folder in order. Raises as `read_seal`."""
    if not is_dir(path):
        return [read_seal(path)]
    paths = paths_in(path)
    if not paths:
        raise CommandError(f"{path} holds no seals")
    return [_named(one) for one in paths]


def newest(folder: Path) -> SignedSeal | None:
    """The seal that the next one follows; None if the folder has none or is not there yet."""
    if not exists(folder):
        return None
    paths = paths_in(folder)
    return _named(paths[-1]) if paths else None


def _named(path: Path) -> SignedSeal:
    signed = read_seal(path)
    if path.name != seal_path(path.parent, signed.seal.number).name:
        raise SealRejected(f"{path} holds the seal number {signed.seal.number}")
    return signed


def add(folder: Path, signed: SignedSeal) -> Path:
    """Put a seal into the folder, whole or not at all, and never over another. Its path."""
    path = seal_path(folder, signed.seal.number)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritten(folder, error) from None
    try:
        # A digest may be given away in a moment, so that all of it is on the disk by then.
        write_new(path, write_document(signed))
    except FileExistsError:
        raise CommandError(
            f"{path} was written by somebody else meanwhile; seal again", ExitCode.FOUND_WRONG
        ) from None
    except OSError as error:
        raise unwritten(path, error) from None
    return path
