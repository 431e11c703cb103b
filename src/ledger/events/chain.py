"""The hash chain of a partition.

Each record carries `prevhash`, the SHA-256 of the last counting record of its partition over
(partition, offset, key, value). Whoever holds the head knows the whole past.
"""

from hashlib import sha256

from ledger.domain.facts import Fact
from ledger.errors import ChainBroken, UndecodableRecord
from ledger.events.decoding import Codec, CommandBytes
from ledger.log import Record

GENESIS = "0" * 64


def link(partition: int, offset: int, key: bytes, value: bytes) -> str:
    """The hash of one counting record, 64 hexadecimal digits.

    The length of the key is hashed along, so that no other key and value give the same bytes.
    """
    return sha256(b"%d:%d:%d:" % (partition, offset, len(key)) + key + value).hexdigest()


class Chain:
    """Follows one partition record by record and refuses what does not fit."""

    __slots__ = ("codec", "head", "partition")

    def __init__(self, partition: int, head: str = GENESIS, codec: Codec | None = None) -> None:
        """Start behind the record whose hash is `head`."""
        self.partition = partition
        self.head = head
        self.codec = codec or Codec()

    def accept(self, record: Record) -> Fact:
        """The fact of a counting record that continues the chain; advances the head.

        Raises ChainBroken if it does not fit, UndecodableRecord if it cannot be read.
        """
        return self.accept_with_command(record)[0]

    def accept_with_command(self, record: Record) -> tuple[Fact, CommandBytes]:
        """The same, and the command of a movement as the record has it."""
        try:
            prevhash, fact, command = self.codec.decode_with_command(record)
        except UndecodableRecord as error:
            raise UndecodableRecord(f"partition {self.partition}: {error}") from error
        if prevhash != self.head:
            raise ChainBroken(
                f"partition {self.partition}, offset {record.offset}: the record states the hash "
                f"{prevhash[:12]}… for its predecessor, which is {self.head[:12]}…"
            )
        self.head = link(self.partition, record.offset, record.key, record.value)
        return fact, command
