"""A number for a set of rows, whatever their order: for SQLite, which has none of its own."""

from hashlib import blake2b

_BYTES = 8


class RowDigest:
    """An aggregate of SQL over all columns of a row: the sum of a hash of 64 bits for each row.

    Two sets of rows that differ by chance have the same one once in 2^64 times.
    """

    def __init__(self) -> None:
        """No rows yet."""
        self._sum = 0

    def step(self, *columns: object) -> None:
        """Count a row in."""
        row = repr(columns).encode("utf-8", "surrogatepass")
        self._sum += int.from_bytes(blake2b(row, digest_size=_BYTES).digest())

    def finalize(self) -> str:
        """The sum, as text, since it may pass 64 bits."""
        return str(self._sum)
