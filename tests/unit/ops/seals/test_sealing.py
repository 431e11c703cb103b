"""Making seals: each reads only what is new, and says the same as one made of everything."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import ChainBroken, LogRegressed, UndecodableRecord, WrongLedger
from ops.console import CommandError
from ops.seals.check import authenticate, follows
from ops.seals.documents import SignedSeal, digest, parse, signed_bytes, write_document
from ops.seals.errors import SealRejected
from ops.seals.keys import key_id, raw_public
from ops.seals.sealing import Order, make_seal
from tests.unit.ops.seals.histories import KEY, OTHER_KEY, history, sealed
from tests.unit.ops.story import StoredLog

RAW = raw_public(KEY)


def test_what_a_seal_says() -> None:
    """Per partition where it ends, what counts, and the last hash; signed by the key it names."""
    signed = sealed(history(5, 0, 2, voids={2}), history(1, 1, 2))
    first, second = signed.seal.partitions
    assert (first.next_offset, first.records, first.head_offset) == (5, 4, 4)
    assert (second.next_offset, second.records, second.head_offset) == (1, 1, 0)
    assert (signed.seal.number, signed.seal.previous) == (1, None)
    assert authenticate(signed, {key_id(RAW): RAW}) == key_id(RAW)
    assert signed_bytes(signed.seal).startswith(b'stockledger.seal.v1\n{"ledger_id":"1111')


def test_the_key_is_that_of_the_standard() -> None:
    """RFC 8032, 7.1, test 1: public key and signature of the empty message."""
    assert RAW.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert KEY.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(0, 59), st.sets(st.integers(1, 59), max_size=9))
def test_a_seal_behind_another_says_what_one_of_everything_says(
    first: int, more: int, voids: set[int]
) -> None:
    """Only `added` tells them apart."""
    records = history(60, voids=voids)
    before = sealed(records[:first])
    after = sealed(records[: min(60, first + more)], before=before.seal)
    whole = sealed(records[: min(60, first + more)])
    assert msgspec.structs.replace(after.seal.partitions[0], added=()) == whole.seal.partitions[0]
    follows(before.seal, after.seal)
    assert after.seal.previous == digest(before.seal)


def test_only_what_is_new_is_read() -> None:
    """And one record of what was sealed, and the opening."""
    records = history(40)
    before = sealed(records[:30]).seal
    read: list[int] = []

    class Counting(StoredLog):
        async def read(self, partition: int, offset: int, **more: Any) -> Any:
            found = await super().read(partition, offset, **more)
            read.extend(record.offset for record in found.records)
            return found

    order = Order(KEY, lambda: "2026-11-22T10:00:00Z", before)
    asyncio.run(make_seal(Counting([records]), order, lambda *_: None))
    assert read == [0, 29, *range(30, 40)]


def _other_partition(records: list[Any]) -> None:
    records[0] = history(1, 1, 2)[0]


def _change(at: int, **fields: Any) -> Any:
    def change(records: list[Any]) -> None:
        records[at] = msgspec.structs.replace(records[at], **fields)

    return change


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (_change(9, value=b'{"prevhash":"x"}'), ChainBroken, "offset 9: the record states"),
        (_change(9, value=b"{"), UndecodableRecord, "partition 0: offset 9"),
        (_change(7, key=b"k"), ChainBroken, "offset 8: the record states"),
        (_change(5, key=b"k"), ChainBroken, "offset 5: this is not the record that was sealed"),
        (_change(5, stated=None), ChainBroken, "offset 5: this is not the record"),
        (lambda records: records.__delitem__(slice(4, None)), LogRegressed, "sealed up to 6"),
        (_other_partition, WrongLedger, "does not begin with its ledger.opened"),
        (lambda records: records.clear(), CommandError, "partition 0 of the log is empty"),
    ],
)
def test_a_log_that_is_not_sealed(change: Any, error: type[Exception], says: str) -> None:
    """What does not follow the seal before it, or itself."""
    records = history(12)
    before = sealed(records[:6]).seal
    change(records)
    with pytest.raises(error, match=says):
        sealed(records, before=before)


def test_what_a_seal_does_not_follow() -> None:
    """Another ledger, another layout, another time."""
    records = history(6)
    before = sealed(records).seal
    with pytest.raises(SealRejected, match="is of ledger other"):
        sealed(records, before=msgspec.structs.replace(before, ledger_id="other"))
    with pytest.raises(SealRejected, match="is of 1 partitions, the log has 2"):
        sealed(history(2, 0, 2), history(2, 1, 2), before=before)
    with pytest.raises(CommandError, match="this machine's clock says"):
        sealed(records, before=before, at="2026-11-22T09:59:59Z")


def test_seals_that_do_not_follow_each_other() -> None:
    """Whatever is not as the seal before says."""
    records = history(30)
    one = sealed(records[:11]).seal
    two = sealed(records[:19], before=one).seal
    three = sealed(records, before=two).seal
    follows(one, two)
    follows(two, three)
    with pytest.raises(SealRejected, match="a seal is missing between numbers 1 and 3"):
        follows(one, three)
    forked = _forked(two, other=sealed(history(19, voids={4})).seal)
    with pytest.raises(SealRejected, match="its history does not begin with that of number 1"):
        follows(one, forked)
    for fields, says in (
        ({"previous": "0" * 64}, "names another seal"),
        ({"ledger_id": "other"}, "is of another ledger"),
        ({"sealed_at": "2026-11-22T09:00:00Z"}, "is older than number 1"),
    ):
        with pytest.raises(SealRejected, match=says):
            follows(one, msgspec.structs.replace(two, **fields))


def _forked(seal: Any, other: Any) -> Any:
    """The seal with a history that is another from its beginning."""
    part = msgspec.structs.replace(other.partitions[0], added=seal.partitions[0].added)
    return msgspec.structs.replace(seal, partitions=(part,))


def test_a_seal_is_read_as_it_was_written() -> None:
    """White space does not count."""
    signed = sealed(history(9))
    assert parse(write_document(signed), "file") == signed
    assert parse(msgspec.json.encode(signed), "file") == signed


def test_every_single_change_of_a_seal_is_found() -> None:
    """Any character of the file replaced, or the file cut anywhere."""
    signed = sealed(history(9, 0, 2), history(4, 1, 2))
    content = write_document(signed)
    keys = {key_id(RAW): RAW}
    for at in range(0, len(content) - 1, 3):
        digit = b"1" if content[at : at + 1] != b"1" else b"2"
        for spoilt in (content[:at], content[:at] + digit + content[at + 1 :]):
            try:
                found = parse(spoilt, "file")
            except SealRejected:
                continue
            if found == signed:
                continue  # white space
            with pytest.raises(SealRejected):
                authenticate(found, keys)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: {"number": 2}, "names None as the one before"),
        (lambda _: {"sealed_at": "yesterday"}, "yesterday is no instant"),
        (lambda seal: {"partitions": seal.partitions * 2}, "are not numbered from 0"),
        (lambda seal: {"partitions": (_part(seal, root="0" * 64),)}, "frontier does not lead"),
        (lambda seal: {"partitions": (_part(seal, frontier=()),)}, "0 hashes are no range"),
        (lambda seal: {"partitions": (_part(seal, next_offset=3),)}, "offsets and its number"),
    ],
)
def test_a_seal_that_does_not_fit_itself(change: Any, says: str) -> None:
    """Even if somebody had signed it."""
    signed = sealed(history(9))
    seal = msgspec.structs.replace(signed.seal, **change(signed.seal))
    signature = KEY.sign(signed_bytes(seal))
    spoilt = SignedSeal(signed.format, seal, msgspec.to_builtins(signature))
    with pytest.raises(SealRejected, match=says):
        parse(msgspec.json.encode(spoilt), "file")


def _part(seal: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(seal.partitions[0], **fields)


def test_another_key() -> None:
    """It is named; without any key only the seal's own is asked."""
    signed = sealed(history(2), key=OTHER_KEY)
    assert authenticate(signed, {}) == key_id(raw_public(OTHER_KEY))
    with pytest.raises(SealRejected, match=f"not among those given .{key_id(RAW)}."):
        authenticate(signed, {key_id(RAW): RAW})
    stolen = msgspec.structs.replace(signed, signature=sealed(history(2)).signature)
    with pytest.raises(SealRejected, match="its signature does not fit"):
        authenticate(stolen, {})
    for signature in ("", "x", "!!!!"):
        with pytest.raises(SealRejected, match="its key or its signature is none"):
            authenticate(msgspec.structs.replace(signed, signature=signature), {})
