"""Who is in a consumer group at the moment, without joining it."""

import asyncio
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code

from ledger.adapters.kafka_topics import Cluster

RETRY_SECONDS = 0.1
# Answers of a broker that is still looking for the group's place, or loading it.
PASSING = {14, 15, 16}


async def members(cluster: Cluster, group: str) -> list[str]:
    """The members, each as its client's name and address. Raises LogUnavailable."""
    async with cluster.admin() as admin:
        found = await _described(admin, group)
    return sorted({f"{one['client_id']} at {one['client_host']}" for one in found["members"]})


async def _described(admin: AIOKafkaAdminClient, group: str) -> dict[str, Any]:
    """One group as the broker describes it; `Cluster.admin` bounds how long this may take."""
    while True:
        try:
            (answer,) = await admin.describe_consumer_groups([group])
        except tuple(for_code(code) for code in PASSING):
            await asyncio.sleep(RETRY_SECONDS)
            continue
        described: dict[str, Any] = answer.to_object()["groups"][0]
        code = described["error_code"]
        if code == 0:
            return described
        if code not in PASSING:
            raise for_code(code)(f"the group {group} cannot be described")
        await asyncio.sleep(RETRY_SECONDS)
