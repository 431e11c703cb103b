"""Which records an explanation is made of: all that the views have, or those of a moment."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Table

from projections.database import ReadConnection
from projections.explaining.scope import Condition
from projections.history.moments import Moment, conditions_of


class Limits(NamedTuple):
    """`moment` is of the SKU's partition alone, None for the present; `movements` are its
    conditions on movements."""

    partition: int
    moment: Moment | None = None
    movements: Sequence[Condition] = ()

    def knows(self, offset: int) -> bool:
        """Whether what lies at an offset had been recorded."""
        return self.moment is None or self.moment.knows(self.partition, offset)

    def attempts(self, table: Table) -> list[Condition]:
        """The conditions on refusals or void records, which occur when they are recorded."""
        if self.moment is None:
            return []
        found: list[Condition] = [table.c.log_offset < self.moment.until[self.partition]]
        if self.moment.before is not None:
            occurred_us, _ = self.moment.before
            found.append(table.c.recorded_ms <= (occurred_us - 1) // 1000)
        return found


async def limits_of(reader: ReadConnection, partition: int, moment: Moment | None) -> Limits:
    """The limits of a moment, for a SKU of that partition."""
    if moment is None:
        return Limits(partition)
    own = moment._replace(until={partition: moment.until.get(partition, 0)})
    return Limits(partition, own, await conditions_of(reader, own))
