"""Any Kafka client finds the same partition for a SKU."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st

from ledger.events.partitioner import Partitioner, murmur2


@given(st.binary(max_size=64))
def test_the_hash_is_kafkas(data: bytes) -> None:
    """For any bytes, to the bit."""
    assert murmur2(data) == theirs(data) & 0xFFFFFFFF


@given(st.text(min_size=1, max_size=40), st.integers(1, 200))
def test_the_partition_is_kafkas(sku: str, count: int) -> None:
    """For any name and number of partitions."""
    partitions = list(range(count))
    expected = DefaultPartitioner()(sku.encode(), partitions, partitions)
    router = Partitioner(count)
    assert router.partition_of(sku) == expected
    assert router.partition_of(sku) == expected


@pytest.mark.parametrize(
    ("sku", "value"),
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536),
     ("a-little-bit-longer-string", -1486304829),
     ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
     ("abc", 479470107)],
)  # fmt: skip
def test_the_values_of_kafkas_own_test(sku: str, value: int) -> None:
    """Signed there, unsigned here."""
    assert murmur2(sku.encode()) == value & 0xFFFFFFFF


def test_forgetting_changes_nothing() -> None:
    """More SKUs than the router remembers lie where they lay."""
    router = Partitioner(12)
    names = [f"sku-{number}" for number in range(1_000)]
    before = [router.partition_of(name) for name in names]
    for shard in router._shards:
        shard.clear()
    assert [router.partition_of(name) for name in names] == before
    assert set(before) == set(range(12))
