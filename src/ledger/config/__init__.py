"""Settings of a process, and the parts of the write side that they choose."""

from ledger.config.parts import joined_writers, open_instances, open_log, open_snapshots, rules
from ledger.config.settings import ENV_PREFIX, Settings

__all__ = [
    "ENV_PREFIX",
    "Settings",
    "joined_writers",
    "open_instances",
    "open_log",
    "open_snapshots",
    "rules",
]
