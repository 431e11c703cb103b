"""Reading the demand view as it was, or is, at a position of the log.

The tables may have read less or more than that. What is missing is summed up by the database at
once, and what is too much is taken off, both by the statement that fills the tables: everything is
a sum of integers, so that the answer is exact and the same, however far the tables are. A reading
of a partition's first half is cheaper from nothing than backwards.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import text

from projections.database import ReadConnection, storable
from projections.planning.assembling import SLOT, Rows, assemble, slots
from projections.planning.columns import COLUMNS
from projections.planning.days import Days, Integers
from projections.planning.demand_rules import POSTGRES, SQLITE, Slice, by_day
from projections.planning.demand_statements import POSITIONS
from projections.planning.fast_rows import integer_rows, plain_rows
from projections.positions import ViewLagging

ROWS_AT_A_TIME: Final = 20_000
_EMPTY: Final = np.zeros(0, np.int64)
# So many SKUs are looked for one by one; of more everything is read and the rest is left.
SKUS_LOOKED_FOR_MAX: Final = 500


class DemandNotReady(ViewLagging):
    """The views have not read as far as demand is asked for; try again shortly."""


class Wanted(NamedTuple):
    """What is to be read: which columns, of which SKUs and site (None: all), before which day.

    A column costs 8 bytes a row.
    """

    columns: Collection[str] = COLUMNS
    skus: Collection[str] | None = None
    site: str | None = None
    until_day: int | None = None


class Share(NamedTuple):
    """How a partition is read: the table or not, and a part of the log that is added or not."""

    partition: int
    table: bool
    sign: int
    part: Slice


async def read_upto(reader: ReadConnection) -> dict[int, int]:
    """How far the views are in this snapshot: the offset of the next record by partition."""
    return {row["partition"]: row["target"] for row in await reader.all(text(POSITIONS))}


async def read_days(
    reader: ReadConnection,
    upto: Mapping[int, int] | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - it cannot be changed
) -> Days:
    """The sums of all records with offset < upto[partition]; without `upto`, of all there are.

    A partition that is not named contributes nothing. Raises DemandNotReady, DatabaseUnavailable.
    """
    gathering = Gathering(wanted, await shares(reader, upto))
    nobody = wanted.skus is not None and not wanted.skus
    if not nobody and storable(wanted.site, *(wanted.skus or ())):
        await gathering.read(reader)
    # A million rows are put in order for most of a second.
    return await asyncio.to_thread(gathering.days)


async def shares(reader: ReadConnection, upto: Mapping[int, int] | None) -> list[Share]:
    """How each partition is to be read. Raises DemandNotReady."""
    found = []
    rows = {row["partition"]: row for row in await reader.all(text(POSITIONS))}
    for partition in sorted(rows.keys() if upto is None else upto.keys()):
        row = rows.get(partition)
        target = 0 if row is None else row["target"]
        position = 0 if row is None else row["position"] or 0
        want = target if upto is None else upto[partition]
        if want > target or position > target or not (row is None or row["same_ledger"]):
            raise DemandNotReady(f"partition {partition} is read up to {target}, {want} is wanted")
        if want >= position:
            found.append(Share(partition, True, 1, Slice(partition, position, want)))
        elif want >= position - want:
            found.append(Share(partition, True, -1, Slice(partition, want, position)))
        else:
            found.append(Share(partition, False, 1, Slice(partition, 0, want)))
    return found


class Gathering:
    """Collects the rows of one reading: 32 bytes a row and 8 a column at most, 300 a series."""

    def __init__(self, wanted: Wanted, of: list[Share]) -> None:
        """Nothing read yet."""
        self._wanted = wanted
        self._shares = of
        self._columns = [name for name in COLUMNS if name in wanted.columns]
        self._names: dict[tuple[str, str], int] = {}
        self._parts: list[list[Integers]] = []
        self._taken_off = any(one.sign < 0 and one.part.first < one.part.until for one in of)
        # The place of each series in `_names` by its number in the tables; -1: not wanted.
        self._places = np.full(0, -1, np.int32)

    async def read(self, reader: ReadConnection) -> None:
        """Read tables and log."""
        numbers = await self._read_series(reader)
        if len(numbers):
            await self._read_table(reader, numbers)
        for share in self._shares:
            if share.part.first < share.part.until:
                await self._read_log(reader, share)

    def days(self) -> Days:
        """What was read."""
        names = sorted(self._names)
        rank = np.empty(len(names), np.int32)
        rank[[self._names[name] for name in names]] = np.arange(len(names), dtype=np.int32)
        # One column after the other, and the parts of each let go, so that little is there twice.
        places, slot, entries = self._taken(0), self._taken(1), self._taken(2)
        columns = {name: self._taken(number) for number, name in enumerate(self._columns, 3)}
        rows = Rows(rank[places], slot, entries if self._taken_off else None, columns)
        del places, slot, entries
        return assemble(names, rows)

    def _taken(self, column: int) -> Integers:
        """A column of all parts, which do not have it any more."""
        if not self._parts:
            return np.zeros(0, np.int64)
        whole = np.concatenate([part[column] for part in self._parts])
        for part in self._parts:
            part[column] = _EMPTY
        return whole

    async def _read_series(self, reader: ReadConnection) -> list[int]:
        """Learn the series of the tables that are wanted; their numbers."""
        of_tables = {one.partition for one in self._shares if one.table}
        few = conditions(self._wanted)
        query = f"SELECT series, sku, site, partition FROM sku_sites WHERE {few.series}"  # noqa: S608
        numbers: list[int] = []
        skus = None if self._wanted.skus is None else frozenset(self._wanted.skus)
        async for part in plain_rows(reader, query, few.parameters, ROWS_AT_A_TIME):
            for number, sku, site, partition in part:
                if partition in of_tables and (skus is None or sku in skus):
                    self._names[sku, site] = len(numbers)
                    numbers.append(number)
        self._places = np.full(max(numbers, default=-1) + 1, -1, np.int32)
        self._places[numbers] = np.arange(len(numbers), dtype=np.int32)
        return numbers

    async def _read_table(self, reader: ReadConnection, numbers: list[int]) -> None:
        columns = ["entries"] if self._taken_off else []
        columns += [f"COALESCE({name}, 0)" for name in self._columns]
        query = f"SELECT CAST(series AS bigint), CAST({SLOT} AS bigint)"
        query += "".join(f", {column}" for column in columns) + " FROM sku_days WHERE TRUE"
        if self._wanted.until_day is not None:
            query += f" AND day < {self._wanted.until_day:d}"
        if len(numbers) <= SKUS_LOOKED_FOR_MAX:
            query += f" AND series IN ({', '.join(map(str, numbers))})"
        await integer_rows(reader, query, 2 + len(columns), self._take_table)

    def _take_table(self, arrays: list[Integers]) -> None:
        series, slot, *amounts = arrays
        if not self._taken_off:
            amounts.insert(0, np.zeros(0, np.int64))
        known = series < len(self._places)
        places = np.where(known, self._places[np.where(known, series, 0)], -1)
        keep = places >= 0
        if keep.all():
            self._parts.append([places, slot, *amounts])
        else:
            self._parts.append(
                [places[keep], slot[keep], *(one[keep] if len(one) else one for one in amounts)]
            )

    async def _read_log(self, reader: ReadConnection, share: Share) -> None:
        few = conditions(self._wanted)
        condition = few.site
        if self._wanted.until_day is not None:
            condition += f" AND day < {self._wanted.until_day:d}"
        dialect = SQLITE if reader.is_sqlite else POSTGRES
        query = by_day(dialect, share.part._replace(skus=few.skus), self._columns, condition)
        skus = None if self._wanted.skus is None else frozenset(self._wanted.skus)
        async for part in plain_rows(reader, query, few.parameters, ROWS_AT_A_TIME):
            self._take_log([row for row in part if skus is None or row[0] in skus], share.sign)

    def _take_log(self, rows: list[Any], sign: int) -> None:
        if not rows:
            return
        skus, sites, *numbers = zip(*rows, strict=True)
        places = [
            self._names.setdefault(name, len(self._names)) for name in zip(skus, sites, strict=True)
        ]
        day, scale, power, *amounts = (
            np.array([one or 0 for one in column], np.int64) for column in numbers
        )
        if not self._taken_off:
            amounts[0] = amounts[0][:0]
        slot = slots(day, scale, power)
        self._parts.append(
            [np.array(places, np.int32), slot, *(sign * amount for amount in amounts)]
        )


class Conditions(NamedTuple):
    """What is wanted in words of SQL, as far as it is few, with the parameters in it."""

    skus: str
    site: str
    parameters: dict[str, str]

    @property
    def series(self) -> str:
        """The condition on SKU and site."""
        return f"sku IN ({self.skus}) AND {self.site}" if self.skus else self.site


def conditions(wanted: Wanted) -> Conditions:
    """For statements that read tables and log."""
    parameters = {}
    if wanted.skus is not None and len(wanted.skus) <= SKUS_LOOKED_FOR_MAX:
        parameters = {f"sku{index}": sku for index, sku in enumerate(sorted(set(wanted.skus)))}
    skus = ", ".join(f":{one}" for one in parameters)
    if wanted.site is None:
        return Conditions(skus, "TRUE", parameters)
    return Conditions(skus, "site = :site", {**parameters, "site": wanted.site})
