"""Proofs of single records, made with the log and checked without it."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import ChainBroken
from ledger.events.partitioner import Partitioner
from ledger.log import Record
from ops.console import CommandError
from ops.seals.documents import SignedSeal
from ops.seals.errors import ProofRejected, SealRejected
from ops.seals.keys import key_id, raw_public
from ops.seals.proofs import Proof, check_proof, read_proof, write_proof
from ops.seals.proving import Position, find_id, prove
from tests.unit.ops.seals.histories import KEY, OTHER_KEY, history, sealed
from tests.unit.ops.story import StoredLog

RAW = raw_public(KEY)
KEYS = {key_id(RAW): RAW}
COUNT = 30


def _documented() -> Any:
    text = (Path(__file__).parents[4] / "docs/seals.md").read_text()
    names: dict[str, Any] = {}
    exec(text.split("```python\n")[1].split("```")[0], names)
    return names["root_of"]


DOCUMENTED = _documented()


def proved(records: list[Record], at: int, *seals: SignedSeal) -> Proof:
    """The proof of the record at an offset."""
    return asyncio.run(prove(StoredLog([records]), seals, Position(0, at)))


@settings(max_examples=25)
@given(st.integers(1, COUNT), st.integers(0, COUNT), st.data())
def test_every_record_that_counts_is_proved(first: int, more: int, data: st.DataObject) -> None:
    """By the first seal that covers it."""
    voids = data.draw(st.sets(st.integers(1, COUNT - 1), max_size=6))
    records = history(COUNT, voids=voids)
    one = sealed(records[:first])
    two = sealed(records[: min(COUNT, first + more)], before=one.seal)
    end = two.seal.partitions[0].next_offset
    at = data.draw(st.integers(0, end - 1).filter(lambda one: one not in voids))
    proof = msgspec.json.decode(write_proof(proved(records, at, one, two)), type=Proof)
    shown = check_proof(proof, KEYS)
    assert shown["seal"] == (1 if at < first else 2)
    assert shown["position"] == {"partition": 0, "offset": at}
    assert shown["event"] == msgspec.json.decode(records[at].value)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (Position(0, 4), "the record at 0:4 is void"),
        (Position(0, 9), "0:9 is not sealed yet: the seal number 1 covers partition 0 up to off"),
        (Position(1, 0), "there is no partition 1; the seal has 1"),
    ],
)
def test_what_cannot_be_proved(at: Position, says: str) -> None:
    """A void record, what came later, what is not there."""
    records = history(12, voids={4})
    seals = [sealed(records[:9])]
    with pytest.raises(CommandError, match=says) as caught:
        asyncio.run(prove(StoredLog([records]), seals, at))
    assert caught.value.code == 1


def test_a_log_that_is_not_what_was_sealed() -> None:
    """Nothing is proved from it."""
    seals = [sealed(history(9))]
    with pytest.raises(ChainBroken, match="partition 0 is not what was sealed"):
        asyncio.run(prove(StoredLog([history(9, voids={8})]), seals, Position(0, 3)))
    gap = history(9)
    del gap[8]
    gap.append(history(10, voids={8})[9])
    with pytest.raises(CommandError, match="no record lies at 0:8"):
        asyncio.run(prove(StoredLog([gap]), [sealed(gap)], Position(0, 8)))


def test_an_id_is_found() -> None:
    """Where it counts; if several SKUs have it, their places are named."""
    records = history(9, voids={4})
    log = StoredLog([records, history(6, 1, 2)])
    name = msgspec.json.decode(records[7].value)["id"]
    assert asyncio.run(find_id(log, name)) == Position(0, 7)
    elsewhere = "B" if Partitioner(2).partition_of("B") == 1 else "A"
    for identity, sku in (("claim", None), (name, elsewhere)):
        with pytest.raises(CommandError, match="counts") as caught:
            asyncio.run(find_id(log, identity, sku))
        assert caught.value.code == 1
    with pytest.raises(CommandError, match="at 0:3, 1:3"):
        asyncio.run(find_id(log, "claim-instance-3-3"))


def _record(proof: Proof, **fields: Any) -> Proof:
    return msgspec.structs.replace(proof, record=msgspec.structs.replace(proof.record, **fields))


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: _record(proof, value=proof.record.value.replace("instance-5", "instance-6")),
        lambda proof: _record(proof, key="other"),
        lambda proof: _record(proof, offset=6),
        lambda proof: _record(proof, partition=1),
        lambda proof: _record(proof, value="\ud800"),
        lambda proof: msgspec.structs.replace(proof, index=4),
        lambda proof: msgspec.structs.replace(proof, path=proof.path[1:]),
        lambda proof: msgspec.structs.replace(proof, path=(*proof.path, "0" * 64)),
        lambda proof: msgspec.structs.replace(proof, path=proof.path[::-1]),
    ],
)
def test_an_altered_proof(change: Any) -> None:
    """Whatever is changed in it."""
    records = history(9)
    with pytest.raises(ProofRejected):
        check_proof(change(proved(records, 5, sealed(records))), KEYS)


def test_an_altered_seal_in_a_proof() -> None:
    """Also one that another key signed, or none that is trusted."""
    records = history(9)
    proof = proved(records, 5, sealed(records))
    other = proved(records, 5, sealed(records, key=OTHER_KEY))
    with pytest.raises(SealRejected, match="not among those given"):
        check_proof(other, KEYS)
    later = msgspec.structs.replace(proof.seal.seal, sealed_at="2026-11-22T11:00:00Z")
    forged = msgspec.structs.replace(proof.seal, seal=later)
    with pytest.raises(SealRejected, match="its signature does not fit"):
        check_proof(msgspec.structs.replace(proof, seal=forged), KEYS)
    with pytest.raises(CommandError, match="without a public key"):
        check_proof(proof, {})


@settings(max_examples=25)
@given(st.integers(1, COUNT), st.data())
def test_the_documented_way_to_check_agrees(size: int, data: st.DataObject) -> None:
    """docs/seals.md shows all that a proof takes; it comes to the same root."""
    records = history(size)
    at = data.draw(st.integers(0, size - 1))
    proof = msgspec.json.decode(write_proof(proved(records, at, sealed(records))))
    assert DOCUMENTED(proof) == proof["seal"]["seal"]["partitions"][0]["root"]


def test_files_that_are_no_proof(tmp_path: Path) -> None:
    """Missing, cut short, of another format."""
    records = history(9)
    path = tmp_path / "proof.json"
    with pytest.raises(CommandError, match="No such file"):
        read_proof(path)
    content = write_proof(proved(records, 5, sealed(records)))
    for spoilt in (b"", content[:-40], content.replace(b"proof.v1", b"proof.v9"), b"\xff"):
        path.write_bytes(spoilt)
        with pytest.raises(ProofRejected):
            read_proof(path)
