"""Any Kafka client finds the same partition for a SKU."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.codes import SKU_LENGTH_MAX
from ledger.events.murmur import murmur2
from ledger.events.murmur_columns import SHORT_BYTES_MAX, murmur2_of_all
from ledger.events.partitioner import Partitioner


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


_ASCII = st.text(st.characters(max_codepoint=127), max_size=2 * SHORT_BYTES_MAX)
_ANY = st.text(max_size=SHORT_BYTES_MAX)


@given(st.lists(_ASCII, min_size=1, max_size=40) | st.lists(_ANY, min_size=1, max_size=40))
def test_many_hashes_are_those_of_each(names: list[str]) -> None:
    """Whatever their lengths, side by side."""
    assert murmur2_of_all(names).tolist() == [murmur2(name.encode()) for name in names]


_ODD = [
    *("x" * SHORT_BYTES_MAX, "x" * (SHORT_BYTES_MAX + 1), "", "\0", "y" * 1_000),
    *("Ä", "Ä" * (SHORT_BYTES_MAX // 2), "Ä" * SKU_LENGTH_MAX, "𝄞" * (SKU_LENGTH_MAX + 1)),
]


@pytest.mark.parametrize("odd", _ODD)
@pytest.mark.parametrize("count", [1, 1_000])
def test_many_partitions_are_those_of_each(odd: str, count: int) -> None:
    """Also where one name is long, or not ASCII, or longer than a SKU may be."""
    names = [*(f"sku-{number}" for number in range(count - 1)), odd]
    router = Partitioner(12)
    assert router.partitions_of(names) == [Partitioner(12).partition_of(name) for name in names]
    assert {*map(type, router.partitions_of(names))} == {int}


def test_the_longest_sku_lies_where_kafka_has_it() -> None:
    """Whatever it is made of; only what is no SKU is cut."""
    for sku in ("x" * SKU_LENGTH_MAX, "Ä" * SKU_LENGTH_MAX, "𝄞" * SKU_LENGTH_MAX):
        expected = DefaultPartitioner()(sku.encode(), [*range(12)], [*range(12)])
        assert Partitioner(12).partition_of(sku) == expected
        assert Partitioner(12).partitions_of([sku] * 300) == [expected] * 300


def test_no_names_have_no_partitions() -> None:
    """As of a bulk without any command."""
    assert Partitioner(12).partitions_of([]) == []
    assert murmur2_of_all([]).tolist() == []


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
