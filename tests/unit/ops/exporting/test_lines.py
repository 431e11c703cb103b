"""A record goes into a line and comes out of it, byte by byte."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.log import Record
from ops.exporting.lines import decode_line, lines_of

SOME_BYTES = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(str.encode),
    st.dictionaries(st.text(max_size=5), st.text(max_size=9)).map(msgspec.json.encode),
)


@given(SOME_BYTES, SOME_BYTES, st.none() | SOME_BYTES, st.integers(0, 2**40))
@example(b"85123A", b'{"a":1}', None, 0)
@example(b"\xff", b'{"a":\n1}', b"00-ab", 7)
@example(b"", b' {"a":1}', b"\x80", 7)
@example(b"k", b'{"a":1} ', None, 7)
@example(b"k", b'{"a":"\xff"}', None, 7)
@example(b"k", '{"a":"ä\u2028"}'.encode(), None, 7)
def test_any_bytes_come_back(key: bytes, value: bytes, trace: bytes | None, offset: int) -> None:
    """Whatever they are; only what counts as an event must be one JSON document."""
    try:
        msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        value = msgspec.json.encode({"value": value})
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
