"""Why a series of a run has its numbers: inputs, formulas, and what comes out of them again."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np
from sqlalchemy import RowMapping, select

from ledger.domain.codes import instant_text
from ledger.domain.items import ITEM_DEFAULT
from ledger.domain.quantities import text as quantity_text
from projections.database import ReadConnection, storable
from projections.planning import abc, run_classes, run_health, run_level_columns
from projections.planning.bucket_axis import make_axis
from projections.planning.bucket_rows import bucket_rows
from projections.planning.explain_rank import rank_of
from projections.planning.explain_steps import steps
from projections.planning.health.groups import Measured
from projections.planning.parameters import Parameters, day_text, read
from projections.planning.run_classes import Classes, classes_of
from projections.planning.run_columns import FIELDS
from projections.planning.run_fields import planning_results, shown
from projections.planning.run_health import of_site, read_health_days
from projections.planning.run_inputs import Inputs, at_site, read_items, read_planned
from projections.planning.run_levels import Planned, plan
from projections.planning.run_queries import last_positions
from projections.planning.run_stored import stored
from projections.planning.run_supply import read_supply_of

_s = planning_results.c


@dataclass(frozen=True, slots=True)
class Again:
    """One series, computed once more from what was known at the position of its run."""

    inputs: Inputs
    classes: Classes
    planned: Planned
    columns: dict[str, Any]


async def explain(
    reader: ReadConnection, run: RowMapping, sku: str, site: str
) -> dict[str, Any] | None:
    """Everything behind a stored row, and whether it comes out again; None without such a row.

    Raises DatabaseUnavailable and DemandNotReady.
    """
    if not storable(sku, site):
        return None
    query = select(planning_results).where(
        _s.run_id == run["run_id"], _s.sku == sku, _s.site == site
    )
    row = await reader.first(query)
    if row is None:
        return None
    parameters = read(run["parameters"])
    ranked = await rank_of(reader, row, parameters)
    inputs = await _inputs(reader, run, parameters, (sku, site))
    health = None
    if parameters.health.enabled:
        health = await read_health_days(reader, parameters, inputs.positions, sku)
        # A run that looks at sites apart has read them all.
        health = of_site(health, site) if site else health
    return await asyncio.to_thread(lambda: _document(run, row, _again(inputs, ranked, health)))


async def _inputs(
    reader: ReadConnection, run: RowMapping, parameters: Parameters, series: tuple[str, str]
) -> Inputs:
    """What the run was made from, of one series."""
    known: dict[str, int] = msgspec.json.decode(run["positions"])
    positions = {int(one): offset for one, offset in known.items()}
    sku, site = series
    days, sums = await read_planned(reader, parameters, positions, sku)
    days = days.only(at_site(days.sites, site)) if site else days
    known_items = await read_items(reader, positions, sku)
    suppliers = known_items.get(sku, ITEM_DEFAULT).suppliers
    of = sku, suppliers[0].code if suppliers else None
    supply = await read_supply_of(reader, positions, parameters.as_of_day, of)
    return Inputs(parameters, positions, days, sums, known_items, supply)


def _again(inputs: Inputs, ranked: abc.Abc, health: Measured | None) -> Again:
    days, parameters = inputs.days, inputs.parameters
    classes = classes_of(days, inputs.items, parameters, ranked)
    planned = plan(inputs, classes)
    columns = {
        **run_classes.columns_of(classes), **run_level_columns.columns_of(days, planned),
    }  # fmt: skip
    if health is None:
        columns |= {name: [None] for name in run_health.FIGURES}
    else:
        columns |= run_health.columns_of(health, parameters)
    return Again(inputs, classes, planned, columns)


def _document(run: RowMapping, row: RowMapping, again: Again) -> dict[str, Any]:
    scale = row["scale"]
    numbers, differences = {}, []
    for field in FIELDS:
        # The class before is what hysteresis was given: an input, and not computed again.
        value = row[field.name]
        anew = (
            value
            if field.name == "abc_before"
            else stored(field.kind, again.columns[field.name])[0]
        )
        numbers[field.name] = shown(field.kind, value, scale)
        if value != anew:
            differences.append(
                {"name": field.name, "stored": numbers[field.name],
                 "recomputed": shown(field.kind, anew, scale)}
            )  # fmt: skip
    parameters = again.inputs.parameters
    positions = {str(one): offset for one, offset in sorted(again.inputs.positions.items())}
    return {
        "run": run["run_id"],
        "sku": row["sku"],
        "site": row["site"] or None,
        "as_of": parameters.as_of,
        "as_of_position": last_positions(positions),
        "stored": numbers,
        "agrees": not differences,
        "differences": differences,
        "inputs": _shown_inputs(row, again),
        "steps": steps(again.classes, again.planned, parameters, scale),
    }


def _shown_inputs(row: RowMapping, again: Again) -> dict[str, Any]:
    """What the numbers are computed from; links lead to the movements."""
    item = again.inputs.items.get(row["sku"])
    parameters = again.inputs.parameters
    return {
        "buckets": _buckets(row, again),
        "stock_outs": _stock_outs(again),
        "item": None if item is None else msgspec.to_builtins(item),
        "on_hand": shown("quantity", row["on_hand"], row["scale"]),
        "available": shown("quantity", again.planned.available.tolist()[0], row["scale"]),
        "on_order": shown("quantity", row["on_order"], row["scale"]),
        "supply_orders_received": _received(again),
        "movements": _link(row, parameters.first_day, parameters.as_of_day),
        "parameters": msgspec.to_builtins(parameters),
    }


def _buckets(row: RowMapping, again: Again) -> list[dict[str, Any]]:
    """The demand of every whole bucket, and where its movements are."""
    daily = again.classes.known.daily
    axis = make_axis(
        daily.first_day, daily.last_day, again.inputs.parameters.demand.bucket, daily.open_days,
        daily.open_from,
    )  # fmt: skip
    rows = bucket_rows(daily, axis, slice(0, 1), daily.quantity)
    demand = dict(zip(rows.bucket.tolist(), rows.quantity.tolist(), strict=True))
    days = np.arange(axis.origin, axis.origin + len(axis.bucket_of_day))
    found = []
    for bucket in range(int(axis.first_bucket[0]), int(axis.bucket_of_day.max(initial=-1)) + 1):
        inside = days[axis.bucket_of_day == bucket]
        first, last = int(inside[0]), int(inside[-1])
        found.append(
            {
                "first_day": day_text(first),
                "last_day": day_text(last),
                "demand": shown("quantity", demand.get(bucket, 0), row["scale"]),
                "movements": _link(row, first, last),
            }
        )
    return found


def _received(again: Again) -> list[dict[str, str]]:
    """What came of supply orders of the SKU from its supplier, and so how long they took."""
    (supplier,) = again.planned.suppliers
    receipts = again.inputs.supply.of_series(again.inputs.days)
    return [
        {
            "supplier": one.supplier,
            "placed_at": instant_text(one.placed_us),
            "received_at": instant_text(one.received_us),
            "quantity": quantity_text(one.quantity, one.scale),
            "order": f"{one.partition}:{one.order_offset}",
        }
        for one in receipts
        if one.supplier == supplier
    ]


def _stock_outs(again: Again) -> list[dict[str, str]]:
    daily = again.classes.known.daily
    if daily.out_first is None or daily.out_until is None:
        return []
    spells = zip(daily.out_first.tolist(), daily.out_until.tolist(), strict=True)
    return [
        {"first_day": day_text(first), "last_day": day_text(until - 1)} for first, until in spells
    ]


def _link(row: RowMapping, first_day: int, last_day: int) -> str:
    """Movements of the SKU, and at the site, that occurred on these days."""
    query = {
        "sku": row["sku"],
        **({"location": row["site"]} if row["site"] else {}),
        "occurred_from": f"{day_text(first_day)}T00:00:00Z",
        "occurred_until": f"{day_text(last_day + 1)}T00:00:00Z",
    }
    return f"/v1/movements?{urlencode(query)}"
