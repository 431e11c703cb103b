"""What an export is of: the file `manifest.json` beside its files.

It holds nothing that depends on when, where or from which kind of log the export was made, so that
the same range gives the same bytes.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ledger.presence import is_dir
from ops.console import CommandError

FORMAT = "stockledger-export"
VERSION = 1
NAME = "manifest.json"
# Far above that of 1,024 partitions in many parts; whatever is larger is no manifest.
BYTES_MAX = 64 * 1024 * 1024

Contents = Literal["log", "movements"]
Encoding = Literal["ndjson", "csv", "parquet"]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of one partition is exported: offsets from `from_offset` up to before `until_offset`.

    The heads are the hashes of the last counting record before either end. `counting` records and
    `void` offsets (void records, and offsets without any) make up the range; `rows` of it were
    written.
    """

    partition: Natural
    from_offset: Natural
    until_offset: Natural
    from_head: Hash
    until_head: Hash
    counting: Natural
    void: Natural
    rows: Natural


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the export."""

    name: str
    rows: Natural
    bytes: Natural
    sha256: Hash


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`complete` says that the ranges are the whole beginning of a log, each partition with the
    record that opens it: it can be imported."""

    format: str
    version: int
    contents: Contents
    encoding: Encoding
    ledger_id: str
    partitions: Annotated[int, msgspec.Meta(ge=1, le=1024)]
    partitioner: str
    currency: str
    complete: bool
    sku: str | None
    ranges: tuple[Range, ...]
    files: tuple[File, ...]

    def encoded(self) -> bytes:
        """The bytes of the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class _Head(msgspec.Struct):
    """What every version of the format begins with."""

    format: str
    version: int


def log_file(partition: int) -> str:
    """The name of the file that holds a partition of the log."""
    return f"log-{partition:05d}.ndjson"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an export. Raises CommandError for anything that is none."""
    path = folder / NAME
    try:
        if not is_dir(folder):
            raise CommandError(f"there is no export {folder}")
        with path.open("rb") as file:
            text = file.read(BYTES_MAX)
    except FileNotFoundError:
        raise CommandError(
            f"{folder} is no export, or one that was never finished: it has no {NAME}"
        ) from None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    try:
        head = msgspec.json.decode(text, type=_Head)
        if head.format != FORMAT:
            raise CommandError(f"{path} is the manifest of something else: {head.format}")
        if head.version != VERSION:
            raise CommandError(
                f"{path} has format version {head.version}; this version of stockledger reads "
                f"version {VERSION}: use the one that made the export, or a later one"
            )
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(f"{path} is no manifest: {error}") from error
