"""Faults: what goes wrong outside the rules of stock.

A refusal by the rules is a value (`ledger.domain.rejections`). An exception here means that the
log, the network or the operator's configuration failed. The docstring of each class is its message.
"""


class LedgerError(Exception):
    """The ledger could not do what was asked."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (self.__doc__ or "").split("\n", 1)[0])


class LogUnavailable(LedgerError):
    """The log cannot be reached at the moment; nothing was appended."""


class LogDenied(LogUnavailable):
    """The log answers and does not let this process in; nothing was appended."""


class LogReadOnly(LedgerError):
    """The log was opened to be read alone; nothing can be written through it."""


class OutcomeUnknown(LedgerError):
    """The log did not say whether it took the batch; only reading the log can tell."""


class LogRegressed(LedgerError):
    """The log lost its past: it was recreated, truncated or restored. The partition is stopped."""


class ChainBroken(LedgerError):
    """A record does not continue the hash chain of its partition. The partition is stopped."""


class UndecodableRecord(LedgerError):
    """A record counts but cannot be decoded. The partition is stopped; it is never skipped."""


class LogMisconfigured(LedgerError):
    """The topic's configuration would lose or hide history; the ledger refuses to start on it."""


class WrongLedger(LedgerError):
    """The log, snapshot or view belongs to another ledger."""


class LevelUnsupported(LedgerError):
    """The log was raised to a level that this version does not know; upgrade this instance."""


class ClockSkewed(LedgerError):
    """This machine's clock is too far from the log's clock; appending is stopped."""


class QueueFull(LedgerError):
    """The partition's queue is full; try again shortly."""


class SnapshotCorrupt(LedgerError):
    """A snapshot does not match its manifest; it is ignored and the log is read instead."""
