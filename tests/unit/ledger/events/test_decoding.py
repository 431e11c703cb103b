"""The short ways of reading numbers and instants say what the domain's own say."""

import msgspec
import pytest
from hypothesis import given

from ledger.domain import codes, quantities
from ledger.domain.facts import Fact, Moved
from ledger.domain.memo import Memo
from ledger.domain.rejections import Rejected
from ledger.events import decoding, instants
from ledger.events.chain import GENESIS, Chain, link
from ledger.events.codec import encode
from ledger.log import Record
from tests.unit.ledger.events.facts import facts

INSTANTS = (
    *("2026-11-22T10:00:00Z", "2026-11-22T10:00:59.999999Z", "2026-11-22t10:00:00.5z"),
    *("2024-02-29 23:59:59.001Z", "2026-11-22T10:00:00+05:30", "0001-01-01T00:00:00Z"),
    *("2026-02-29T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z"),
    "2026-11-22T24:00:00.5Z",
    *("2026-11-22T10:00:60Z", "2026-11-22T10:00Z", "2026-11-22T10:00:00", "", "Z", ":00Z"),
    *("2026-11-22T10:00:05.Z", "2026-11-22T10:00:05.12.3Z", "2026-11-22T10:00:05.-12Z"),
    *("2026-11-22T10:00:05.1 2Z", "2026-11-22T10:00:\u0665\u0665.123Z", "2026-11-22T10:00:05.٦12Z"),
    *("2026-11-22T10:00:60.1Z", "2026-11-22T10:00:5.12Z", "2026-11-22T10:00.05.123Z"),
    *("2026-11-22T10:00:59.000001Z", "2026-11-22T10:00:05.120Z", "2026-11-22T10:00:05.1Z"),
    *("2026-11-22T10:00+00:00Z", "2026-11-22T10:00:00.1234567Z", "2026-11-22T10:00:0٣Z"),
)
NUMBERS = (
    *("0", "7", "1.25", "0.000001", "999999999999", "1000000000000000000", "1000000000001"),
    *("-1", "-0.5", "00.5", "1.0000000", "5.", ".5", ".", "", "+1", " 1", "1_0", "1e3", "٣", "²"),
    *("1.2.3", "NaN", "10000000000000000000", "1" * 50),
)


@pytest.mark.parametrize("text", INSTANTS)
def test_instants(text: str) -> None:
    expected = codes.instant(text)
    if isinstance(expected, Rejected):
        with pytest.raises(ValueError, match="is no instant"):
            instants.microseconds(text)
    else:
        assert instants.microseconds(text) == expected


@pytest.mark.parametrize("scale", [1, 2, 6])
@pytest.mark.parametrize("number", NUMBERS)
def test_numbers(number: str, scale: int) -> None:
    expected = quantities.scaled(number, scale)
    if isinstance(expected, Rejected):
        with pytest.raises(ValueError, match="is no number"):
            decoding._scaled(number, scale)
    else:
        assert decoding._scaled(number, scale) == expected


@given(facts)
def test_the_command_is_the_one_of_the_record(fact: Fact) -> None:
    key, value = encode(fact, "/stockledger/x", GENESIS)
    chain = Chain(3)
    read, command = chain.accept_with_command(Record(fact.offset, fact.offset, key, value, 0))
    assert read == fact
    assert chain.head == link(3, fact.offset, key, value)
    asked = fact.command if isinstance(fact, Moved) else None
    assert bytes(command) == (b"" if asked is None else msgspec.json.encode(asked))


def test_a_full_memo_starts_anew_and_keeps_nothing_that_raises() -> None:
    made: list[int] = []

    def half(number: int) -> int:
        made.append(number)
        if number % 2:
            raise ValueError(number)
        return number // 2

    memo = Memo(half, 2)
    assert [memo[2], memo[4], memo[2]] == [1, 2, 1]
    for _ in range(2):
        with pytest.raises(ValueError, match="3"):
            memo[3]
    assert made == [2, 4, 3, 3]
    assert (memo[6], len(memo)) == (3, 1)
