"""Places that are looked for in a log which whoever answers does not show to its end."""

import pytest

from ledger.errors import LogUnavailable
from ledger.log import Record
from ledger.replay import reading
from ops.exporting.bounds import Instant, Span, narrowed
from ops.tailing import places
from tests.contract.read_models.cases import MemoryLog


class Behind(MemoryLog):
    """Ends where it did, and shows two records of it."""

    def __init__(self) -> None:
        """Ten offsets."""
        super().__init__(1)
        value = b'{"time":"2026-01-01T00:00:00Z","prevhash":""}'
        self.records[0] = [Record(one, one, b"", value, 0) for one in range(2)]

    async def end(self, partition: int) -> int:  # noqa: ARG002
        """What was heard of it."""
        return 10


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(reading, "BEHIND_SECONDS", 0.0)


async def test_an_instant_is_not_guessed() -> None:
    """An export would begin, or end, where nobody asked for it."""
    with pytest.raises(LogUnavailable, match="not shown beyond offset 5 now; it went on to 10"):
        await narrowed(Behind(), Span(0, 0, 10), Instant(0, ""), None)


async def test_nor_where_a_tail_begins() -> None:
    """The same."""
    with pytest.raises(LogUnavailable, match="not shown beyond offset 5 now; it went on to 10"):
        await places.places(Behind(), "2026-01-01T00:00:00Z", [0])
