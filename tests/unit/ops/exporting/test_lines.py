"""A record goes into a line and comes out of it, byte by byte."""

import random

import msgspec
import pytest

from ledger.log import Record
from ops.exporting.lines import decode_line, lines_of

EVENT = b'{"a":1}'
CASES: list[tuple[bytes, bytes, bytes | None]] = [
    (b"85123A", EVENT, None),
    (b"\xff", b'{"a":\n1}', b"00-ab"),
    (b"", b' {"a":1}', b"\x80"),
    (b"k", b'{"a":1} ', None),
    (b"k", b"[1]", None),
    (b"k", b'{"a":"\xff"}', None),
    (b"k", '{"a":"ä\u2028"}'.encode(), None),
    (b'"\\\n\t', b'{"a":"\\n"}', b""),
]
chance = random.Random(7)
CASES += [(chance.randbytes(9), EVENT, chance.randbytes(9)) for _ in range(200)]


@pytest.mark.parametrize("offset", [0, 17, 2**40])
def test_any_bytes_come_back(offset: int) -> None:
    """Whatever they are; only what counts as an event must be one JSON document."""
    for key, value, trace in CASES:
        line = lines_of([Record(offset, offset, key, value, 0, None, trace)])
        assert line.count(b"\n") == 1
        assert line.endswith(b"\n")
        read = decode_line(line)
        assert (read.offset, tuple(read.record())) == (offset, (key, value, trace))


def test_what_a_line_looks_like() -> None:
    """It can be read by people and by jq."""
    record = Record(17, 17, "Löffel".encode(), b'{"id":"m1", "n":1.50}', 5)
    assert (
        lines_of([record]).decode()
        == '{"offset":17,"key":"Löffel","event":{"id":"m1", "n":1.50}}\n'
    )


@pytest.mark.parametrize(
    "line",
    [
        b'{"offset":1,"key":"a"}',
        b'{"offset":1,"event":{}}',
        b'{"offset":1,"key":"a","key_base64":"YQ==","event":{}}',
        b'{"offset":1,"key":"a","event":{},"event_base64":"e30="}',
        b'{"offset":1,"key":"a","event_base64":"?"}',
        b'{"offset":1.5,"key":"a","event":{}}',
        b'{"offset":1,"key":"a","event":{},"more":1}',
        b'{"key":"a","event":{}}',
        b"[]",
    ],
)
def test_a_line_of_no_record(line: bytes) -> None:
    """It is refused."""
    with pytest.raises((msgspec.ValidationError, ValueError)):
        decode_line(line).record()
