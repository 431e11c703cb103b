"""A proof as a document, and checking it: with no log, no settings and no network.

It holds the record's bytes, its audit path (RFC 9162, 2.1.3) and the whole seal to whose root the
path leads.
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from ledger.events.chain import link
from ledger.events.merkle import root_of_path
from ops.console import CommandError
from ops.seals.check import authenticate
from ops.seals.documents import SEAL_BYTES_MAX, Count, Hash, Seal, SignedSeal, parse
from ops.seals.errors import ProofRejected
from ops.seals.folder import read_whole
from ops.seals.keys import PublicKeys

PROOF_FORMAT: Final = "stockledger.proof.v1"
PROOF_BYTES_MAX: Final = SEAL_BYTES_MAX + 16 * 1024 * 1024


class ProvedRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record as it lies in the log: key and value are its bytes, which are UTF-8."""

    partition: Count
    offset: Count
    key: str
    value: str


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`index` is the record's number from 0 among those of its partition that count; `path` leads
    from its leaf upwards."""

    format: str
    record: ProvedRecord
    index: Count
    path: tuple[Hash, ...]
    seal: SignedSeal


def write_proof(proof: Proof) -> bytes:
    """The content of a file."""
    return msgspec.json.format(msgspec.json.encode(proof), indent=1) + b"\n"


def read_proof(path: Path) -> Proof:
    """Read a file. Raises CommandError if it cannot be read, ProofRejected if it is no proof, and
    SealRejected for one that is too long."""
    content = read_whole(path, PROOF_BYTES_MAX)
    try:
        proof = msgspec.json.decode(content, type=Proof)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProofRejected(f"{path} is no proof, or was cut short: {error}") from None
    if proof.format != PROOF_FORMAT:
        raise ProofRejected(f"{path} has the format {proof.format[:40]}, not {PROOF_FORMAT}")
    return proof


def check_proof(proof: Proof, keys: PublicKeys) -> dict[str, Any]:
    """Check everything, and show what was proved: the event, its place, and by which seal.

    Raises ProofRejected, SealRejected.
    """
    if not keys:
        raise CommandError("a proof proves nothing without a public key that you trust")
    signed = parse(msgspec.json.encode(proof.seal), "the seal of the proof")
    name = authenticate(signed, keys)
    seal, record = signed.seal, proof.record
    if record.partition >= len(seal.partitions):
        raise ProofRejected(f"the seal has no partition {record.partition}")
    sealed = seal.partitions[record.partition]
    try:
        entry = link(record.partition, record.offset, record.key.encode(), record.value.encode())
    except UnicodeEncodeError:
        raise ProofRejected("the record is no text") from None
    path = [bytes.fromhex(one) for one in proof.path]
    root = root_of_path(bytes.fromhex(entry), proof.index, sealed.records, path)
    if root is None or root.hex() != sealed.root:
        raise ProofRejected(
            "the record does not belong to the seal: it, its place or its path was altered"
        )
    return _shown(proof, seal, name)


def _shown(proof: Proof, seal: Seal, key_id: str) -> dict[str, Any]:
    record = proof.record
    try:
        event: Any = msgspec.json.decode(record.value)
    except msgspec.MsgspecError as error:
        raise ProofRejected(f"the record that was sealed is no event: {error}") from None
    return {
        "position": {"partition": record.partition, "offset": record.offset},
        "ledger_id": seal.ledger_id,
        "seal": seal.number,
        "sealed_at": seal.sealed_at,
        "key_id": key_id,
        "event": event,
    }
