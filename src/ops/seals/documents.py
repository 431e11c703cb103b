"""The seal as a document: what is in it, which bytes are signed, and whether it fits itself.

Signed is `stockledger.seal.v1`, a line feed, and the JSON of the member `seal` in the canonical
form of RFC 8785: members in the order of their names, no blanks. All its texts are ASCII and all
its numbers integers, so nothing else of that form matters. White space of the file does not count.
"""

import base64
import binascii
from typing import Annotated, Any, Final

import msgspec

from ledger.domain import codes
from ledger.domain.rejections import Rejected
from ledger.events.merkle import CompactRange
from ops.seals.errors import SealRejected

FORMAT: Final = "stockledger.seal.v1"
# With hundreds of partitions of billions of records a seal has some 3 MB.
SEAL_BYTES_MAX: Final = 32 * 1024 * 1024
# JSON numbers beyond this are not the same everywhere.
NUMBER_MAX: Final = 2**53 - 1

Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Ascii = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,128}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]


class SealedPartition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a seal says of one partition.

    `next_offset` is the offset behind the last record that was read, void ones included, and
    `records` the number of those before it that count. `head` is the hash (chain.py) of the last of
    these, which lies at `head_offset`. `root` is the root of the Merkle tree over all of them,
    `frontier` the compact range of its leaves, and `added` that of the leaves which the seal before
    did not have; empty in the first seal.
    """

    partition: Count
    next_offset: Count
    records: Annotated[int, msgspec.Meta(ge=1, le=NUMBER_MAX)]
    head: Hash
    head_offset: Count
    root: Hash
    frontier: tuple[Hash, ...]
    added: tuple[Hash, ...]

    def leaves(self) -> CompactRange:
        """The compact range of all leaves."""
        return CompactRange(0, self.records, [bytes.fromhex(one) for one in self.frontier])

    def leaves_added(self, before: int) -> CompactRange:
        """That of the leaves behind the first `before`. Raises ValueError if it cannot be."""
        return CompactRange(before, self.records, [bytes.fromhex(one) for one in self.added])


class Seal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed. Seals are numbered from 1; `previous` is the digest of the one before.

    `public_key` is the raw Ed25519 key in base64; `sealed_at` an instant of the sealing machine.
    """

    ledger_id: Ascii
    number: Annotated[int, msgspec.Meta(ge=1, le=NUMBER_MAX)]
    previous: Hash | None
    sealed_at: Ascii
    public_key: Ascii
    partitions: Annotated[tuple[SealedPartition, ...], msgspec.Meta(min_length=1)]


class SignedSeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document of a file."""

    format: str
    seal: Seal
    signature: Ascii


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(SignedSeal)


def signed_bytes(seal: Seal) -> bytes:
    """The bytes that are signed."""
    return FORMAT.encode() + b"\n" + _encoder.encode(seal)


def digest(seal: Seal) -> str:
    """The hash by which the next seal names this one: SHA-256 of the signed bytes."""
    from hashlib import sha256

    return sha256(signed_bytes(seal)).hexdigest()


def write_document(signed: SignedSeal) -> bytes:
    """The content of a file."""
    return msgspec.json.format(_encoder.encode(signed), indent=1) + b"\n"


def parse(content: bytes, where: str) -> SignedSeal:
    """A seal whose parts fit each other; the signature is not looked at.

    Raises SealRejected.
    """
    try:
        signed = _decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SealRejected(f"{where} is no seal, or was cut short: {error}") from None
    if signed.format != FORMAT:
        raise SealRejected(f"{where} has the format {signed.format[:40]}, not {FORMAT}")
    for wrong in _wrong(signed.seal):
        raise SealRejected(f"{where} does not fit itself: {wrong}")
    return signed


def _wrong(seal: Seal) -> list[str]:
    found = []
    if (seal.previous is None) != (seal.number == 1):
        found.append(f"it is number {seal.number}, and names {seal.previous} as the one before")
    if type(codes.instant(seal.sealed_at)) is Rejected:
        found.append(f"{seal.sealed_at} is no instant")
    if [one.partition for one in seal.partitions] != list(range(len(seal.partitions))):
        found.append("its partitions are not numbered from 0")
    found += [
        f"partition {one.partition}: {wrong}"
        for one in seal.partitions
        if (wrong := _wrong_partition(one))
    ]
    return found


def _wrong_partition(one: SealedPartition) -> str | None:
    if not one.records <= one.head_offset + 1 <= one.next_offset:
        return "its offsets and its number of records cannot be"
    try:
        root = one.leaves().root().hex()
    except ValueError as error:
        return str(error)
    return None if root == one.root else "its frontier does not lead to its root"


def instant_us(seal: Seal) -> int:
    """When it was sealed, in microseconds since 1970 UTC."""
    found = codes.instant(seal.sealed_at)
    assert type(found) is int
    return found


def to_base64(content: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(content).decode()


def from_base64(text: str, length: int) -> bytes | None:
    """The bytes, or None if the text is none of that length, or not the one way to write them."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if len(content) == length and to_base64(content) == text else None


def described(seal: Seal, key_id: str) -> dict[str, Any]:
    """What `--json` says of a seal."""
    return {
        "ledger_id": seal.ledger_id,
        "number": seal.number,
        "sealed_at": seal.sealed_at,
        "digest": digest(seal),
        "key_id": key_id,
        "records": sum(one.records for one in seal.partitions),
        "partitions": [
            {
                "partition": one.partition,
                "next_offset": one.next_offset,
                "records": one.records,
                "head": one.head,
                "root": one.root,
            }
            for one in seal.partitions
        ],
    }
