"""What somebody else wrote to the topic of snapshots harms nobody."""

import msgspec
import pytest

from ledger.adapters.kafka_snapshots import KafkaSnapshots, Manifest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"0", b"\xc1"),
        (b"0", b"not a manifest"),
        (b"0", msgspec.msgpack.encode({"generation": 9})),
        (b"0", msgspec.msgpack.encode({"generation": "9", "slot": 0, "parts": {}})),
        (b"", msgspec.msgpack.encode(Manifest(9, 0, {}, b""))),
        (b"zero", msgspec.msgpack.encode(Manifest(9, 0, {}, b""))),
        (b"zero", b""),
        (b"\xff\xfe", b""),
    ],
)
def test_foreign_records_among_the_manifests_are_skipped(key: bytes, value: bytes) -> None:
    """And the newest manifest stays the one it was."""
    store = KafkaSnapshots("localhost:1")
    good = Manifest(5, 1, {0: 17}, b"manifest")
    store._take(b"0", msgspec.msgpack.encode(good))
    store._take(key, value)
    assert store._committed == {0: good}
    store._take(b"0", b"")
    assert store._committed == {}
