"""Reading what was scrapped and adjusted, by reason, at a position of the log.

As `reading` does it, from the table and the part of the log between it and the position. There
are few such movements, so that they are added up one by one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from projections.database import ReadConnection, storable
from projections.planning.assembling import SUM_MAX
from projections.planning.columns import REASON_COLUMNS
from projections.planning.days import Integers
from projections.planning.demand_rules import (
    POSTGRES,
    REASON_KEY,
    REASON_MEASURES,
    SQLITE,
    by_reason,
)
from projections.planning.fast_rows import plain_rows
from projections.planning.reading import ROWS_AT_A_TIME, Share, Wanted, conditions, shares

# SKU, site, day, type, reason.
_Key = tuple[str, str, int, str, str]


@dataclass(frozen=True, slots=True)
class Reasons:
    """One entry a SKU, site, day, type (`scrap` or `adjustment`) and reason, in this order.

    `columns` are REASON_COLUMNS: `lost` of scrap is what was scrapped. A SKU with sums that leave
    64 bits is not here, but named in `left_out`.
    """

    sku: Sequence[str]
    site: Sequence[str]
    type: Sequence[str]
    reason: Sequence[str]
    scale: npt.NDArray[np.int8]
    day: npt.NDArray[np.int32]
    columns: Mapping[str, Integers]
    left_out: Sequence[str] = ()


async def read_reasons(
    reader: ReadConnection,
    upto: Mapping[int, int] | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - it cannot be changed
) -> Reasons:
    """The sums of all records with offset < upto[partition]; without `upto`, of all there are.

    All columns are read. Raises DemandNotReady, DatabaseUnavailable.
    """
    sums = _Sums()
    found = await shares(reader, upto)
    nobody = wanted.skus is not None and not wanted.skus
    if not nobody and storable(wanted.site, *(wanted.skus or ())):
        skus = None if wanted.skus is None else frozenset(wanted.skus)
        for query, sign in _queries(reader, found, wanted):
            parameters = conditions(wanted).parameters
            async for part in plain_rows(reader, query, parameters, ROWS_AT_A_TIME):
                sums.add((row for row in part if skus is None or row[0] in skus), sign)
    return sums.reasons()


def _queries(
    reader: ReadConnection, found: Sequence[Share], wanted: Wanted
) -> Iterable[tuple[str, int]]:
    few = conditions(wanted)
    until = "" if wanted.until_day is None else f" AND day < {wanted.until_day:d}"
    of_table = [str(one.partition) for one in found if one.table]
    if of_table:
        names = ", ".join((*REASON_KEY, "entries", *REASON_COLUMNS))
        yield (
            f"SELECT {names} FROM reason_days JOIN sku_sites USING (series)"  # noqa: S608
            f" WHERE partition IN ({', '.join(of_table)}) AND {few.series}{until}",
            1,
        )
    dialect = SQLITE if reader.is_sqlite else POSTGRES
    for one in found:
        if one.part.first < one.part.until:
            part = one.part._replace(skus=few.skus)
            yield by_reason(dialect, part, few.site + until), one.sign


class _Sums:
    """Sums by key and scale; a SKU that has moved has one scale, and this would hold several."""

    def __init__(self) -> None:
        self._sums: dict[tuple[_Key, int], list[int]] = {}

    def add(self, rows: Iterable[Sequence[Any]], sign: int) -> None:
        """Rows of REASON_KEY, `entries` and REASON_COLUMNS."""
        for sku, site, day, scale, power, kind, reason, entries, *amounts in rows:
            key: tuple[_Key, int] = ((sku, site, day, kind, reason), scale)
            sums = self._sums.setdefault(key, [0] * (1 + len(REASON_COLUMNS)))
            sums[0] += sign * entries
            for index, amount in enumerate(amounts, 1):
                sums[index] += sign * (amount or 0) * 10**power

    def reasons(self) -> Reasons:
        """What is left, in order."""
        scales: dict[tuple[str, str], int] = {}
        for (key, scale), sums in self._sums.items():
            if sums[0]:
                scales[key[:2]] = max(scale, scales.get(key[:2], 0))
        together: dict[_Key, list[int]] = {}
        for (key, scale), (entries, *amounts) in self._sums.items():
            if entries:
                whole = together.setdefault(key, [0] * len(REASON_COLUMNS))
                for index, name in enumerate(REASON_COLUMNS):
                    quantity = REASON_MEASURES[name] == "quantity"
                    digits = scales[key[:2]] - scale if quantity else 0
                    whole[index] += amounts[index] * 10**digits
        left_out = _too_large(together)
        keys = sorted(key for key in together if key[0] not in left_out)
        table = np.array([together[key] for key in keys], np.int64)
        table = table.reshape(len(keys), len(REASON_COLUMNS))
        return Reasons(
            sku=[key[0] for key in keys],
            site=[key[1] for key in keys],
            type=[key[3] for key in keys],
            reason=[key[4] for key in keys],
            scale=np.array([scales[key[:2]] for key in keys], np.int8),
            day=np.array([key[2] for key in keys], np.int32),
            columns={name: table[:, index] for index, name in enumerate(REASON_COLUMNS)},
            left_out=sorted(left_out),
        )


def _too_large(sums: Mapping[_Key, Sequence[int]]) -> set[str]:
    """The SKUs with a column whose absolute values add up to more than `SUM_MAX`."""
    totals: dict[str, list[int]] = {}
    for key, amounts in sums.items():
        total = totals.setdefault(key[0], [0] * len(amounts))
        for index, amount in enumerate(amounts):
            total[index] += abs(amount)
    return {sku for sku, total in totals.items() if max(total) > SUM_MAX}
