"""Facts → the records of a log, each carrying the hash of the one before."""

from collections.abc import Sequence
from hashlib import sha256

from ledger.domain.facts import Fact, Moved
from ledger.events.codec import Starts, encode, encode_moved, starts_of
from ledger.log import NewRecordTuple


def record(  # noqa: PLR0913, PLR0917 - on the path of every movement
    partition: int,
    source: str,
    head: str,
    facts: Sequence[Fact],
    traceparent: bytes | None,
    records: list[NewRecordTuple],
) -> tuple[str, int]:
    """Add the records of facts that were decided together: at one time, of one request.

    `head` is the hash of the record before them, `source` the ledger. Returns the hash of the last
    one, and how many bytes their documents have.
    """
    starts: Starts | None = None
    size = 0
    for fact in facts:
        if type(fact) is Moved:
            if starts is None:
                starts = starts_of(source, fact.recorded_ms, fact.actor, fact.trail)
            key = fact.sku.encode()
            value = encode_moved(fact, starts, head)
        else:
            key, value = encode(fact, source, head)
        # The same bytes as chain.link, without the call.
        head = sha256(b"%d:%d:%d:%b%b" % (partition, fact.offset, len(key), key, value)).hexdigest()
        records.append((key, value, traceparent))
        size += len(value)
    return head, size
