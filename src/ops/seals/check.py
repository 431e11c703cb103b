"""Whether seals are genuine, follow each other, and fit a log that is walked once."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ops.seals.documents import (
    Seal,
    SealedPartition,
    SignedSeal,
    digest,
    from_base64,
    instant_us,
    signed_bytes,
)
from ops.seals.errors import SealRejected
from ops.seals.folder import read_files
from ops.seals.keys import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    PublicKeys,
    key_id,
    read_public,
    verifies,
)
from ops.seals.watch import SealDifference, SealWatch

__all__ = ["SealDifference", "SealWatch", "Seals", "authenticate", "follows", "read_seals"]


class Seals:
    """Seals of one ledger that follow each other, oldest first, checked without the log.

    `authentic` says that each was signed by a key that the caller holds; else the signatures were
    only compared with the keys that the seals themselves name, which a forger would name, too.
    """

    def __init__(self, seals: Sequence[Seal], key_ids: Sequence[str], *, authentic: bool) -> None:
        """At least one."""
        self.seals = tuple(seals)
        self.key_ids = tuple(dict.fromkeys(key_ids))
        self.authentic = authentic

    @property
    def last(self) -> Seal:
        """The newest."""
        return self.seals[-1]

    @property
    def missing_before(self) -> int:
        """How many seals came before the first of these: what it extends is not among them."""
        return self.seals[0].number - 1

    def other_ledger(self, ledger_id: str, partitions: int) -> str | None:
        """A sentence if the seals are of another ledger, or of another number of partitions."""
        last = self.last
        if last.ledger_id != ledger_id:
            return f"the seal is of ledger {last.ledger_id}, the log of {ledger_id}"
        if len(last.partitions) != partitions:
            return f"the seal is of {len(last.partitions)} partitions, the log has {partitions}"
        return None

    def watch(self, partition: int) -> SealWatch:
        """What compares one partition with all of the seals while it is walked.

        For a partition that they do not have it compares nothing: `other_ledger` says so once.
        """
        return SealWatch(
            partition,
            [
                (seal.number, seal.partitions[partition])
                for seal in self.seals
                if partition < len(seal.partitions)
            ],
        )

    def document(self) -> dict[str, Any]:
        """What `--json` says of them."""
        return {
            "seals": len(self.seals),
            "first": self.seals[0].number,
            "last": self.last.number,
            "missing_before": self.missing_before,
            "ledger_id": self.last.ledger_id,
            "sealed_at": self.last.sealed_at,
            "records": sum(one.records for one in self.last.partitions),
            "digest": digest(self.last),
            "key_ids": list(self.key_ids),
            "authentic": self.authentic,
        }


def read_seals(path: Path, public_keys: Sequence[Path]) -> Seals:
    """The seal of a file, or the seals of a folder, with everything checked that needs no log.

    Raises SealRejected, and CommandError for files that cannot be read.
    """
    keys = read_public(public_keys)
    files = read_files(path)
    key_ids = [authenticate(signed, keys) for signed in files]
    seals = [signed.seal for signed in files]
    for before, after in pairwise(seals):
        follows(before, after)
    return Seals(seals, key_ids, authentic=bool(keys))


def authenticate(signed: SignedSeal, keys: PublicKeys) -> str:
    """Check who signed a seal, and return the id of the key.

    Without `keys`, only that the seal is what the key that it names signed. Raises SealRejected.
    """
    what = f"the seal number {signed.seal.number}"
    raw = from_base64(signed.seal.public_key, KEY_BYTES)
    signature = from_base64(signed.signature, SIGNATURE_BYTES)
    if raw is None or signature is None:
        raise SealRejected(f"{what} was altered: its key or its signature is none")
    if not verifies(raw, signature, signed_bytes(signed.seal)):
        raise SealRejected(f"{what} was altered: its signature does not fit")
    name = key_id(raw)
    if keys and keys.get(name) != raw:
        raise SealRejected(
            f"{what} was signed with the key {name}, which is not among those given "
            f"({', '.join(keys)})"
        )
    return name


def follows(before: Seal, after: Seal) -> None:
    """Check that a seal is the next one, and that its history begins with that of the other.

    Raises SealRejected.
    """
    what = f"the seal number {after.number}"
    if after.ledger_id != before.ledger_id or len(after.partitions) != len(before.partitions):
        raise SealRejected(f"{what} is of another ledger than number {before.number}")
    if after.number != before.number + 1:
        raise SealRejected(f"a seal is missing between numbers {before.number} and {after.number}")
    if after.previous != digest(before):
        raise SealRejected(f"{what} names another seal as the one before it")
    if instant_us(after) < instant_us(before):
        raise SealRejected(f"{what} is older than number {before.number}")
    for old, new in zip(before.partitions, after.partitions, strict=True):
        if not _extends(old, new):
            raise SealRejected(
                f"{what}, partition {new.partition}: its history does not begin with that of "
                f"number {before.number}"
            )


def _extends(old: SealedPartition, new: SealedPartition) -> bool:
    if new.next_offset < old.next_offset or new.records < old.records:
        return False
    if new.records == old.records:
        same = (new.head, new.head_offset, new.root) == (old.head, old.head_offset, old.root)
        return same and not new.added
    if new.head_offset < old.next_offset:
        return False
    try:
        joined = old.leaves().followed_by(new.leaves_added(old.records))
    except ValueError:
        return False
    return joined.hashes == new.leaves().hashes
