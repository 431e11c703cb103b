"""How far a load came, so that the next run need not send it all again.

A checkpoint saves time and nothing else: ids are deterministic, so that what is sent again counts
once. It names a few movements of the last window; if the ledger does not have them, for example
because it is another one at the same address, the checkpoint is of no use and is left.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

FORMAT = 1


class Witness(msgspec.Struct, frozen=True):
    """A movement that the ledger must have if the checkpoint is about it."""

    id: str
    sku: str


class Counts(msgspec.Struct):
    """What became of the records so far."""

    records: int = 0
    accepted: int = 0
    replayed: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    skipped: dict[str, int] = msgspec.field(default_factory=dict)
    # The highest offset written, by partition.
    positions: dict[int, int] = msgspec.field(default_factory=dict)

    @property
    def good(self) -> int:
        """Movements that count."""
        return self.accepted + self.replayed

    @property
    def refused_total(self) -> int:
        """Refusals of every kind."""
        return sum(self.refused.values())


class Checkpoint(msgspec.Struct):
    """Everything up to `counts.records` has its final answer and its line in the rejects file."""

    format: int
    counts: Counts
    rejects_path: str
    rejects_bytes: int
    witnesses: list[Witness]


def checkpoint_path(file_identity: str, mapping: bytes, url: str) -> Path:
    """Where the checkpoint of this file, mapping and server lies."""
    base = os.environ.get("XDG_STATE_HOME")
    folder = Path(base) if base else Path.home() / ".local" / "state"
    key = hashlib.sha256(b"\0".join([file_identity.encode(), mapping, url.encode()])).hexdigest()
    return folder / "stockledger" / "load" / f"{key[:32]}.json"


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint, or None if there is none that can be read."""
    try:
        checkpoint = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except (OSError, msgspec.MsgspecError):
        return None
    return checkpoint if checkpoint.format == FORMAT else None


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> bool:
    """Replace the checkpoint in one step. False where it cannot be kept, which loses only time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(checkpoint))
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        return False
    return True


def remove_checkpoint(path: Path) -> None:
    """Forget it, because the load is done or it is about another ledger."""
    with suppress(OSError):
        path.unlink()
