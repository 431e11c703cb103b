"""What clients recorded: NDJSON, one operation a line (docs/reliability.md describes it).

Times are nanoseconds of one clock that all clients of a history share and that never goes back;
on one machine that is CLOCK_MONOTONIC.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from ops.console import CommandError

Kind = Literal["movement", "reversal", "item", "bulk_item", "supply_order", "dry_run", "read"]
Outcome = Literal["accepted", "refused", "invalid", "unwritten", "unknown"]
Document = dict[str, Any]
NO_COMMAND: Final = msgspec.Raw(b"")


class HistoryMalformed(CommandError):
    """A line of a history is no operation."""


class Balance(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What an answer says about one stock key; quantities are decimal strings."""

    location: str
    on_hand: str
    lot: str | None = None
    status: str = "available"
    available: str | None = None


class Operation(msgspec.Struct, omit_defaults=True, gc=False, kw_only=True):
    """One call, or one item of a bulk, as its client saw it.

    `outcome` is `accepted` (it counts, or did already: then `replayed`), `refused` (because of the
    state), `invalid` (malformed, or the id was used otherwise), `unwritten` (the server says that
    nothing was written) or `unknown` (no answer, or one that promises nothing). `partition` and
    `offset` are the position answered; of a read, the last record it includes.
    """

    client: str
    op: Kind
    sku: str
    sent_ns: int
    outcome: Outcome
    id: str = ""
    answered_ns: int | None = None
    status: int | None = None
    replayed: bool = False
    code: str | None = None
    partition: int | None = None
    offset: int | None = None
    # The position a read was asked to wait for, in the SKU's partition.
    min_offset: int | None = None
    # As sent. It stays in its bytes until somebody asks.
    command: msgspec.Raw = NO_COMMAND
    balances: tuple[Balance, ...] = ()
    # What the stock of the SKU costs, in the answer to a read.
    value: str | None = None
    # The figures of a refusal, such as `requested` and `available`.
    numbers: dict[str, str] = {}

    @property
    def fresh(self) -> bool:
        """Whether the answer says that this very call was recorded, at the offset it names."""
        return self.writes and self.offset is not None and not self.replayed

    @property
    def writes(self) -> bool:
        """Whether the call could write a record."""
        return self.op not in ("dry_run", "read")

    @property
    def asked(self) -> Document | None:
        """The command as it was sent, if it was recorded."""
        raw = bytes(self.command)
        return msgspec.json.decode(raw) if raw and raw != b"null" else None

    @property
    def where(self) -> str:
        """The operation, for people."""
        return f"{self.client}: {self.op} {self.id or self.sku}"


class History:
    """All operations of all clients, found by id and by the position they name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        """Index them."""
        self.operations: list[Operation] = []
        self.by_id: defaultdict[str, list[Operation]] = defaultdict(list)
        # Those that say what lies there once the record at that position is counted.
        self.told_at: defaultdict[tuple[int, int], list[Operation]] = defaultdict(list)
        for operation in operations:
            self.add(operation)

    def add(self, operation: Operation) -> None:
        """Index one more."""
        self.operations.append(operation)
        if operation.writes and operation.id:
            self.by_id[operation.id].append(operation)
        if operation.partition is None or operation.offset is None:
            return
        if operation.balances or operation.op == "read":
            self.told_at[operation.partition, operation.offset].append(operation)

    def of(self, identity: str, sku: str) -> list[Operation]:
        """The calls that used the id for this SKU."""
        return [one for one in self.by_id.get(identity, ()) if one.sku in (sku, "")]


def read_history(files: Sequence[Path]) -> History:
    """All lines of all files. Raises HistoryMalformed, also for a file that cannot be read."""
    try:
        return History(operation for file in files for operation in _operations(file))
    except OSError as error:
        raise HistoryMalformed(f"{error.filename}: {error.strerror}") from error


_decode = msgspec.json.Decoder(Operation).decode


def _operations(file: Path) -> Iterator[Operation]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            try:
                operation = _decode(line)
                _check(operation)
            except (msgspec.MsgspecError, ValueError) as error:
                raise HistoryMalformed(f"{file}, line {number}: {error}") from error
            yield operation


def _check(operation: Operation) -> None:
    """Raises ValueError for an operation that contradicts itself."""
    if operation.answered_ns is not None and operation.answered_ns < operation.sent_ns:
        raise ValueError("it was answered before it was sent")
    if operation.answered_ns is None and operation.outcome != "unknown":
        raise ValueError("without an answer the outcome is unknown")
    if (operation.partition is None) != (operation.offset is None):
        raise ValueError("a position is a partition and an offset")
    placed = operation.op != "dry_run" and operation.outcome == "accepted"
    if placed and operation.offset is None:
        raise ValueError("what was accepted, or read, has a position")
    if operation.writes and not operation.id and operation.outcome != "invalid":
        raise ValueError("what may write has an id")
