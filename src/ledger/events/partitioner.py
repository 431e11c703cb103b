"""Which partition a SKU lies in: Kafka's default partitioner, so that any Kafka client agrees.

MurmurHash2 (Austin Appleby, 2008) with the seed of org.apache.kafka.common.utils.Utils.murmur2,
over the SKU's UTF-8 bytes, the sign bit cleared, modulo the partition count.
"""

from collections.abc import Sequence

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF
# How many SKUs the router remembers, in shards, so that no dictionary grows large enough to stall.
_SHARDS = 64
_SHARD_SKUS_MAX = 65_536


def murmur2(data: bytes) -> int:
    """The 32-bit hash, unsigned."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if length > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


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
            partition = (murmur2(sku.encode()) & 0x7FFFFFFF) % self.partitions
            if len(shard) >= _SHARD_SKUS_MAX:
                shard.clear()
            shard[sku] = partition
        return partition

    def partitions_of(self, skus: Sequence[str]) -> list[int]:
        """The partition of each; as `partition_of`, without a call for what is remembered."""
        shards, last = self._shards, _SHARDS - 1
        found = []
        for sku in skus:
            partition = shards[hash(sku) & last].get(sku)
            found.append(self.partition_of(sku) if partition is None else partition)
        return found
