"""Questions to the brokers of some settings that need no log."""

import time
from typing import NamedTuple

from ledger.config.parts import _security
from ledger.config.settings import Settings

TIMEOUT_SECONDS = 10.0
# A writer that is further off stops appending.
CLOCK_SKEW_SECONDS_MAX = 5.0


class Clock(NamedTuple):
    """How far this machine's clock is ahead of the cluster's, known to within `unsure_seconds`."""

    ahead_seconds: float
    unsure_seconds: float


async def cluster_clock(settings: Settings) -> Clock | None:
    """Compare the clocks; None without brokers, or if they do not tell. Raises LogUnavailable."""
    if settings.kafka_bootstrap is None:
        return None
    from ledger.adapters.kafka_clock import cluster_time_ms
    from ledger.adapters.kafka_reader import KafkaReader
    from ledger.adapters.kafka_topics import Cluster

    cluster = Cluster(
        settings.kafka_bootstrap, _security(settings), TIMEOUT_SECONDS, "stockledger-doctor"
    )
    reader = KafkaReader(cluster, settings.movements_topic)
    try:
        await reader.open()
        # The first answer also opens the connection; of the second one only the way counts.
        if await cluster_time_ms(reader) is None:
            return None
        asked = time.time()
        told_ms = await cluster_time_ms(reader)
        answered = time.time()
    finally:
        await reader.close()
    if told_ms is None:
        return None
    return Clock((asked + answered) / 2 - told_ms / 1000, (answered - asked) / 2)
