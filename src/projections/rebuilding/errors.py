"""Why a rebuild cannot go on. The live views are as they were."""

from ledger.errors import LedgerError


class RebuildRunning(LedgerError):
    """Another rebuild of these views is running; wait for it, or end it."""


class BuildStopped(LedgerError):
    """The views that are built cannot be read on from the log."""


class OtherHistory(LedgerError):
    """The live views were read from another log than this one."""


class NothingKept(LedgerError):
    """No earlier views are kept to go back to."""


class ViewsInUse(LedgerError):
    """Readers kept the live views in use; nothing was exchanged."""


class TablesBehind(LedgerError):
    """The tables are not those of this version; run `stockledger migrate` first."""
