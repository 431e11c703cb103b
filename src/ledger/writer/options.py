"""What the writers of one instance share."""

import random
from collections.abc import Callable

from ledger.domain.context import Rules
from ledger.writer.pace import Pace


class Options:
    """Who writes, by which rules and clock, and how much is held at once."""

    def __init__(  # noqa: PLR0913 - the parts meet here
        self,
        *,
        instance: str,
        url: str,
        rules: Rules,
        clock_ms: Callable[[], int],
        type_levels: dict[str, int],
        queue_commands_max: int = 20_000,
        window_ids: int = 100_000,
        snapshot_every_records: int = 200_000,
        chance: random.Random | None = None,
    ) -> None:
        """`window_ids` and `queue_commands_max` are per partition."""
        self.instance = instance
        self.url = url
        self.rules = rules
        self.clock_ms = clock_ms
        self.type_levels = type_levels
        self.queue_commands_max = queue_commands_max
        self.window_ids = window_ids
        self.snapshot_every_records = snapshot_every_records
        self.pace = Pace()
        # Chance decides only how long to wait, never what is written.
        self.chance = chance or random.Random()  # noqa: S311
