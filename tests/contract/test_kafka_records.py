"""The bytes on Kafka: how a batch is made fast, and what a header must say."""

import time

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder

from ledger.adapters import kafka_batches
from ledger.adapters.kafka_reader import stated_offset
from ledger.log import BATCH_BYTES_MAX, NewRecord
from tests.contract.log_cases import KafkaPlace, read_all


def test_the_fast_way_makes_the_same_bytes_as_the_public_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`build_batch` uses parts of aiokafka that are not public; this pins what it relies on."""

    class Kafka:
        def __init__(self, builder: type[BatchBuilder]) -> None:
            self.builder = builder

        def create_batch(self) -> BatchBuilder:
            return self.builder(BATCH_BYTES_MAX, 0)

    class Hidden(BatchBuilder):  # type: ignore[misc]
        """A builder whose parts have other names."""

        def __init__(self, *arguments: int) -> None:
            super().__init__(*arguments)
            self.kept = self.__dict__.pop("_builder")

        def append(self, **record: object) -> object:
            self._builder = self.kept
            try:
                return super().append(**record)
            finally:
                del self._builder

        def size(self) -> int:
            return int(self.kept.size())

    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    batch = [NewRecord(b"k%d" % one, b"v" * one, b"t" if one % 3 else None) for one in range(300)]
    fast = kafka_batches.build_batch(Kafka(BatchBuilder), 17, batch)
    public = kafka_batches.build_batch(Kafka(Hidden), 17, batch)
    assert "_builder" not in public.__dict__
    public._builder = public.kept
    assert fast.record_count() == public.record_count() == 300
    assert fast.append(timestamp=None, key=b"", value=b"") is None
    assert bytes(fast._build()) == bytes(public._build())


@pytest.mark.parametrize(
    ("headers", "stated"),
    [
        ([("ledger-offset", b"0")], 0),
        ([("ledger-offset", b"17"), ("content-type", b"x")], 17),
        ([("content-type", b"x"), ("ledger-offset", b"17")], 17),
        ([], None),
        ([("Ledger-Offset", b"17")], None),
        ([("ledger-offset", b"17"), ("ledger-offset", b"17")], None),
        ([("ledger-offset", b"17"), ("ledger-offset", b"18")], None),
        ([("ledger-offset", None)], None),
        *[
            ([("ledger-offset", odd)], None)
            for odd in (b"", b"017", b"00", b"+17", b"-1", b"1_7", b" 17", b"17 ", b"17\n")
        ],
        *[([("ledger-offset", odd)], None) for odd in (b"1.0", b"0x1", "१७".encode(), b"9" * 20)],
    ],
)
def test_only_one_canonical_header_states_an_offset(
    headers: list[tuple[str, bytes | None]], stated: int | None
) -> None:
    """Whatever merely parses to a number states nothing."""
    assert stated_offset(headers) == stated


async def test_headers_are_judged_the_same_when_read(kafka_place: KafkaPlace) -> None:
    """The fast way of reading agrees with the careful one."""
    log = await kafka_place.open_log()
    await kafka_place.send(
        0,
        [
            [("ledger-offset", b"0")],
            [("ledger-offset", b"1"), ("ledger-offset", b"1")],
            [("ledger-offset", b"2"), ("other", b"")],
            [("other", b""), ("ledger-offset", b"3")],
            [("ledger-offset", b"04"), ("other", b"")],
            [("ledger-offset", b"4"), ("other", b"")],
        ],
    )
    assert [one.stated for one in await read_all(log, 0)] == [0, None, 2, 3, None, 4]
