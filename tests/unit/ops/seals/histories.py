"""Small logs to be sealed, and keys and seals for them."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.facts import Opened, WriterClaimed
from ledger.events.chain import GENESIS, link
from ledger.events.codec import encode
from ledger.log import Record
from ops.seals import folder
from ops.seals.documents import Seal, SignedSeal
from ops.seals.sealing import Order, make_seal
from ops.seals.walk import Links
from tests.unit.ops.story import StoredLog

LEDGER_ID = "11111111-1111-4111-8111-111111111111"
# RFC 8032, 7.1, test 1: the secret key.
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def history(
    count: int, partition: int = 0, partitions: int = 1, voids: Collection[int] = ()
) -> list[Record]:
    """Records that continue each other, those at `voids` excepted, which are void."""
    opened = Opened(0, LEDGER_ID, partition, partitions, "murmur2", "EUR", 1, 0)
    head, records = GENESIS, []
    for offset in range(count):
        if offset in voids:
            records.append(Record(offset, offset - 1, b"void", b"{}", 0))
            continue
        fact = WriterClaimed(offset, f"instance-{offset}", "", 0) if offset else opened
        key, value = encode(fact, "/stockledger/x", head)
        records.append(Record(offset, offset, key, value, 0))
        head = link(partition, offset, key, value)
    return records


def rechained(records: Sequence[Record], partition: int = 0) -> list[Record]:
    """The same records, each with the hash of the one before it and at its place: what somebody
    makes who may write whatever he likes."""
    head, made = GENESIS, []
    for offset, record in enumerate(records):
        if not record.counts:
            made.append(Record(offset, None, record.key, record.value, 0))
            continue
        start, _, rest = record.value.partition(b'"prevhash":"')
        value = start + b'"prevhash":"' + head.encode() + rest[64:]
        made.append(Record(offset, offset, record.key, value, 0))
        head = link(partition, offset, record.key, value)
    return made


def sealed(
    *partitions: list[Record],
    before: Seal | None = None,
    key: Ed25519PrivateKey = KEY,
    at: str = "2026-11-22T10:00:00Z",
) -> SignedSeal:
    """The seal of a log."""
    log = StoredLog([*partitions])
    return asyncio.run(make_seal(log, Order(key, lambda: at, before), lambda *_: None))


def links(records: Sequence[Record], partition: int = 0) -> list[tuple[int, str]]:
    """Offset and hash of each record that counts."""
    walk = Links(partition)
    return [(one.offset, head) for one in records if (head := walk.take(one)) is not None]


def in_folder(path: Path, *seals: SignedSeal) -> Path:
    """The folder of these seals."""
    for one in seals:
        folder.add(path, one)
    return path
