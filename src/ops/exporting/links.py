"""The chain of a partition, followed without decoding what the events say.

An export carries records as they are: what a later version of the ledger has written is copied,
too. So only what ties a record to its predecessor is read of it.
"""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from ledger.errors import ChainBroken, UndecodableRecord
from ledger.log import Record


class _Linked(msgspec.Struct, gc=False):
    """Of an event, only its predecessor. The whole document must be JSON all the same."""

    prevhash: str


_decode = msgspec.json.Decoder(_Linked).decode


class Links:
    """Follows one partition from a head on."""

    __slots__ = ("head", "partition")

    def __init__(self, partition: int, head: str) -> None:
        """Behind the record whose hash is `head`."""
        self.partition = partition
        self.head = head

    def accept(self, offset: int, key: bytes, value: bytes) -> None:
        """Take a counting record. Raises ChainBroken, UndecodableRecord."""
        self.accept_all([Record(offset, offset, key, value, 0)])

    def accept_all(self, records: Iterable[Record]) -> None:
        """Take counting records. Raises as `accept`. Runs once for every record of an export."""
        partition, head, offset = self.partition, self.head, -1
        try:
            for record in records:
                offset, key, value = record.offset, record.key, record.value
                prevhash = _decode(value).prevhash
                if prevhash != head:
                    raise ChainBroken(
                        f"partition {partition}, offset {offset}: the record states the hash "
                        f"{prevhash[:12]}… for its predecessor, which is {head[:12]}…"
                    )
                # The same bytes as chain.link, without the call.
                head = sha256(
                    b"%d:%d:%d:%b%b" % (partition, offset, len(key), key, value)
                ).hexdigest()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UndecodableRecord(f"partition {partition}, offset {offset}: {error}") from error
        self.head = head
