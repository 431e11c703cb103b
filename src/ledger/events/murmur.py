"""MurmurHash2 (Austin Appleby, 2008), as Kafka's partitioner has it.

With the seed of org.apache.kafka.common.utils.Utils.murmur2.
"""

SEED = 0x9747B28C
M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash, unsigned."""
    length = len(data)
    h = SEED ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * M & _MASK
        k = (k ^ k >> 24) * M & _MASK
        h = (h * M & _MASK) ^ k
    if length > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * M & _MASK
    h = (h ^ h >> 13) * M & _MASK
    return h ^ h >> 15
