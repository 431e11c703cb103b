"""What a run is computed from, read in one snapshot of the database, at stated positions."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np
from sqlalchemy import func, select, true

from ledger.domain.items import Item
from projections.database import Database, ReadConnection
from projections.planning.assembling import SUM_MAX
from projections.planning.catching_up import catch_up
from projections.planning.days import Days, Integers
from projections.planning.parameters import Parameters
from projections.planning.reading import Wanted, read_days, read_upto
from projections.planning.run_supply import Supply, read_supply
from projections.planning.sku_sums import SkuSums, sku_sums
from projections.tables import item_definitions, items

COLUMNS: Final = (
    "issued", "issue_lines", "issued_value", "unmet", "unmet_lines", "on_hand_net",
    "available_net", "value_net", "received", "received_value",
)  # fmt: skip
# Longer than any time that demand is multiplied by: cover, and lead time and delay with the review
# period or the shelf life.
DAYS_REACH: Final = 80_000
_decode_item = msgspec.json.Decoder(Item).decode


@dataclass(frozen=True, slots=True)
class Inputs:
    """`positions` are the next offsets by partition; `items` describe SKUs as known there.

    `days` are those of the run's series, `sums` of all sites of their SKUs.
    """

    parameters: Parameters
    positions: dict[int, int]
    days: Days
    sums: SkuSums
    items: Mapping[str, Item]
    supply: Supply


async def read_inputs(database: Database, parameters: Parameters) -> Inputs:
    """What classes and levels are computed from. Raises DatabaseUnavailable and DemandNotReady."""
    await catch_up(database)
    async with database.reader() as reader:
        positions = (
            await read_upto(reader)
            if parameters.positions is None
            else {int(one): offset for one, offset in parameters.positions.items()}
        )
        days, sums = await read_planned(reader, parameters, positions)
        known = await read_items(reader, positions)
        supply = await read_supply(reader, positions, parameters.as_of_day)
    return Inputs(parameters, positions, within_reach(days, parameters), sums, known, supply)


async def read_planned(
    reader: ReadConnection,
    parameters: Parameters,
    positions: Mapping[int, int],
    sku: str | None = None,
) -> tuple[Days, SkuSums]:
    """The series of the run, or of one SKU, and the sums of their SKUs, which need all sites."""
    days = await read_series(reader, everywhere(parameters), positions, COLUMNS, sku)
    sums = await asyncio.to_thread(sku_sums, days, parameters.first_day)
    site = parameters.site
    return (days if site is None else days.only(at_site(days.sites, site))), sums


def everywhere(parameters: Parameters) -> Parameters:
    """The same, but of every site where the run is of one of them."""
    if parameters.site is None:
        return parameters
    return msgspec.structs.replace(parameters, each_site=True, site=None)


def at_site(sites: Sequence[str], site: str) -> Integers:
    """The numbers of the series of one site."""
    return np.flatnonzero(np.array(sites, object) == site)


async def read_series(
    reader: ReadConnection,
    parameters: Parameters,
    positions: Mapping[int, int],
    columns: Collection[str],
    sku: str | None = None,
) -> Days:
    """The series of the run, or of one SKU, with these columns, up to the end of its last day."""
    until_day = parameters.as_of_day + 1
    skus = None if sku is None else [sku]
    wanted = Wanted(columns, skus, parameters.site, until_day)
    days = await read_days(reader, positions, wanted)
    apart = parameters.each_site or parameters.site is not None
    return with_rows(days if apart else days.by_sku())


def with_rows(days: Days) -> Days:
    """Only the series to which anything happened; others are not known at this position."""
    some = days.starts[1:] > days.starts[:-1]
    if some.all():
        return days
    kept = np.flatnonzero(some).tolist()
    return replace(
        days,
        skus=[days.skus[one] for one in kept],
        sites=[days.sites[one] for one in kept],
        scales=days.scales[some],
        starts=np.append(days.starts[:-1][some], days.starts[-1]),
    )


def within_reach(days: Days, parameters: Parameters) -> Days:
    """Without series of so much demand that levels would leave 64 bits; they are `left_out`.

    A bar code that was read where a quantity was asked for ends up here, even of a pick that was
    refused. It cannot be taken back, and must not end every run that looks at its day.
    """
    change = 1 + Decimal(parameters.what_if.demand_percent) / 100
    most = SUM_MAX / (DAYS_REACH * float(max(change, Decimal(1))))
    asked = days.sums("issued").astype(np.float64) + days.sums("unmet")
    beyond = asked > most
    if not beyond.any():
        return days
    names = {days.skus[one] for one in np.flatnonzero(beyond).tolist()}
    return replace(days.only(np.flatnonzero(~beyond)), left_out=sorted(names.union(days.left_out)))


async def read_items(
    reader: ReadConnection, positions: Mapping[int, int], sku: str | None = None
) -> dict[str, Item]:
    """The descriptions that held at these positions, by SKU; of one where it is named."""
    found: dict[str, Item] = {}
    redefined: set[int] = set()
    query = select(items) if sku is None else select(items).where(items.c.sku == sku)
    for row in await reader.all(query):
        if row["log_offset"] < positions.get(row["partition"], 0):
            found[row["sku"]] = _decode_item(row["document"])
        else:
            redefined.add(row["partition"])
    for partition in sorted(redefined & positions.keys()):
        found |= await _earlier(reader, partition, positions[partition], sku)
    return found


async def _earlier(
    reader: ReadConnection, partition: int, until: int, sku: str | None
) -> dict[str, Item]:
    """What was said before `until` of the SKUs that were described anew since.

    One SKU lies in one partition, so that its last description there is the one that held.
    """
    d, i = item_definitions.c, items.c
    last = (
        select(func.max(d.log_offset).label("log_offset"))
        .join_from(item_definitions, items, i.sku == d.sku)
        .where(d.partition == partition, d.log_offset < until, i.log_offset >= until)
        .where(true() if sku is None else d.sku == sku)
        .group_by(d.sku)
        .subquery()
    )
    # Documents are long, and so they are read only of these.
    query = select(d.sku, d.document).join_from(
        item_definitions, last, last.c.log_offset == d.log_offset
    )
    rows = await reader.all(query.where(d.partition == partition))
    return {row["sku"]: _decode_item(row["document"]) for row in rows}
