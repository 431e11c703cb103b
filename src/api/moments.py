"""Moments that a query names: `as_of`, `as_known_at`, `as_of_position`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api import queries
from api.dependencies import Services, await_positions, read_positions_of, wait_for_view
from api.problems import Problem
from api.queries import Query
from ledger.domain.codes import instant_text
from ledger.events.partitioner import Partitioner
from projections.database import ReadConnection
from projections.history.moments import Moment, resolve, settled
from projections.positions import NOTHING

NAMES: Final = ("as_of", "as_known_at", "as_of_position")


@dataclass(frozen=True)
class Asked:
    """What a query says of a moment; None means no bound. `sku` where it is about one SKU."""

    as_of_us: int | None
    as_known_at_us: int | None
    positions: Mapping[int, int] | None
    partition: int | None

    @property
    def anything(self) -> bool:
        """Whether it says anything; else the present is meant."""
        return (self.as_of_us, self.as_known_at_us, self.positions) != (None, None, None)

    @property
    def echo(self) -> dict[str, Any]:
        """The instants, as an answer repeats them."""
        return {
            name: instant_text(instant)
            for name, instant in (("as_of", self.as_of_us), ("as_known_at", self.as_known_at_us))
            if instant is not None
        }

    async def moment(self, reader: ReadConnection) -> Moment:
        """The moment, in the views as they are."""
        return await resolve(
            reader,
            as_of_us=self.as_of_us,
            as_known_at_ms=None if self.as_known_at_us is None else self.as_known_at_us // 1000,
            positions=self.positions,
            partitions=None if self.partition is None else [self.partition],
        )


async def ask(parts: Services, query: Query, sku: str | None = None) -> Asked:
    """Read a query, and wait until the views can answer it for good. Raises Problem, ViewLagging.

    `sku` where it is about this one alone. A position must be written, and then the views must have
    read it; of an instant of recording they must have everything that the log has by now.
    """
    partition = None if sku is None else Partitioner(parts.log.partitions).partition_of(sku)
    text = query.get("as_of_position")
    positions = (
        None if text is None else read_positions_of(parts, text, "as_of_position", least=NOTHING)
    )
    if positions is not None and partition is not None and partition not in positions:
        raise Problem("invalid_request", f"as_of_position: the SKU is in partition {partition}")
    asked = Asked(
        queries.optional_instant(query, "as_of"),
        queries.optional_instant(query, "as_known_at"),
        positions,
        partition,
    )
    await wait_for_view(parts, query)
    if positions is not None:
        await await_positions(parts, positions, "as_of_position")
    if asked.as_known_at_us is not None:
        await _settle(parts, asked.as_known_at_us // 1000, partition)
    return asked


async def _settle(parts: Services, as_known_at_ms: int, partition: int | None) -> None:
    wanted = set(range(parts.log.partitions)) if partition is None else {partition}
    async with parts.views.reader() as reader:
        open_still = wanted - await settled(reader, as_known_at_ms)
    last = {one: await parts.log.end(one) - 1 for one in sorted(open_still)}
    written = {one: offset for one, offset in last.items() if offset >= 0}
    await parts.positions.wait_for(written, parts.settings.view_wait_seconds)
