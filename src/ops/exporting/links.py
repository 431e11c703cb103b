"""The chain of a partition, followed without decoding what the events say.

An export carries records as they are: what a later version of the ledger has written is copied,
too. So only what ties a record to its predecessor is read of it.
"""

import msgspec

from ledger.errors import ChainBroken, UndecodableRecord
from ledger.events.chain import link


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
        try:
            prevhash = _decode(value).prevhash
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UndecodableRecord(
                f"partition {self.partition}, offset {offset}: {error}"
            ) from error
        if prevhash != self.head:
            raise ChainBroken(
                f"partition {self.partition}, offset {offset}: the record states the hash "
                f"{prevhash[:12]}… for its predecessor, which is {self.head[:12]}…"
            )
        self.head = link(self.partition, offset, key, value)
