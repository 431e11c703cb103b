"""Which partition a SKU lies in: Kafka's default partitioner, so that any Kafka client agrees.

Its murmur2 (murmur.py) over the UTF-8 bytes of the SKU, the sign bit cleared, modulo the count of
partitions.
"""

from collections.abc import Sequence

from ledger.domain.codes import SKU_LENGTH_MAX
from ledger.events.murmur import murmur2

_UNSIGNED = 0x7FFFFFFF
# How many SKUs the router remembers, in shards, so that no dictionary grows large enough to stall.
_SHARDS = 64
_SHARD_SKUS_MAX = 65_536
# From so many on, working all of them out is faster than remembering each.
_TOGETHER_MIN = 250


class Partitioner:
    """SKU → partition, remembering what it has computed."""

    __slots__ = ("_shards", "partitions")

    def __init__(self, partitions: int) -> None:
        """A router over that many partitions."""
        self.partitions = partitions
        self._shards: list[dict[str, int]] = [{} for _ in range(_SHARDS)]

    def partition_of(self, sku: str) -> int:
        """The partition in which all records of the SKU lie."""
        # hash() is cached in the string, which the writer's dictionaries use again.
        shard = self._shards[hash(sku) & _SHARDS - 1]
        partition = shard.get(sku)
        if partition is None:
            # What is longer is no SKU; any partition can refuse it.
            partition = (murmur2(sku[:SKU_LENGTH_MAX].encode()) & _UNSIGNED) % self.partitions
            if len(shard) >= _SHARD_SKUS_MAX:
                shard.clear()
            shard[sku] = partition
        return partition

    def partitions_of(self, skus: Sequence[str]) -> list[int]:
        """The partition of each; as `partition_of`, without a call for what is remembered.

        Of many SKUs most lie far away in memory, and a look at each costs more than its hash.
        """
        if len(skus) >= _TOGETHER_MIN:
            from ledger.events.murmur_columns import murmur2_of_all  # numpy, which not all need

            if max(map(len, skus)) > SKU_LENGTH_MAX:
                skus = [sku[:SKU_LENGTH_MAX] for sku in skus]
            hashes = murmur2_of_all(skus)
            found: list[int] = ((hashes & _UNSIGNED) % self.partitions).tolist()
            return found
        shards, last = self._shards, _SHARDS - 1
        one_by_one = []
        for sku in skus:
            partition = shards[hash(sku) & last].get(sku)
            one_by_one.append(self.partition_of(sku) if partition is None else partition)
        return one_by_one
