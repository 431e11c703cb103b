"""Plain counters of one instance's writers; whoever serves metrics reads them."""


class Metrics:
    """Counts since the start of the process."""

    __slots__ = (
        "appended",
        "claims",
        "index_lookups",
        "refused",
        "replayed",
        "snapshots",
        "snapshots_failed",
        "snapshots_ignored",
        "unknown_outcomes",
        "void_batches",
        "void_records_seen",
    )

    def __init__(self) -> None:
        """All zero."""
        self.appended = 0
        self.claims = 0
        self.index_lookups = 0
        self.refused = 0
        self.replayed = 0
        self.snapshots = 0
        self.snapshots_failed = 0
        self.snapshots_ignored = 0
        self.unknown_outcomes = 0
        self.void_batches = 0
        self.void_records_seen = 0

    def read(self) -> dict[str, int]:
        """Name to count."""
        return {name: getattr(self, name) for name in self.__slots__}
