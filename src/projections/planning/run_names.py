"""Whether what the parameters of a run name is known at all.

A run of a name that nothing bears would have no series, or be the same as without it, and nobody
would see why. Known is what was recorded at any time, as far as the views have read.
"""

from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import Column, ColumnElement, func, or_, select

from projections.database import ReadConnection
from projections.planning.parameters import InvalidParameters, Parameters
from projections.tables import item_definitions, items, refusals, sku_totals, stock

# Of tables whose rows are never deleted: what moved, what was asked for in vain, what is described.
_NAMING_A_SKU: Final = (sku_totals, refusals, items)
_f = refusals.c


async def check_names(reader: ReadConnection, parameters: Parameters) -> None:
    """Raise InvalidParameters for a site, supplier or SKU that nothing names."""
    site, supplier = parameters.site, parameters.what_if.late_supplier
    if site is not None and not await _is_a_site(reader, site):
        raise InvalidParameters("site", f"nothing was ever moved at {site} or asked for there")
    if supplier is not None and not await _is_a_supplier(reader, supplier):
        detail = f"no item has {supplier} as its first supplier"
        raise InvalidParameters("what_if.late_supplier", detail)
    for sku in sorted(await _unknown(reader, parameters.policies.skus.keys())):
        raise InvalidParameters(f"policies.skus.{sku}", "nothing was ever recorded of this SKU")


async def _is_a_site(reader: ReadConnection, site: str) -> bool:
    """Whether anything moved there, or there was demand that was not met (see `demand_rules`)."""
    moved = select(stock.c.sku).where(_is_at(stock.c.account, site)).limit(1)
    if await reader.first(moved) is not None:
        return True
    unmet = select(_f.sku).where(
        _is_at(_f.location, site),
        _f.code == "insufficient_stock",
        _f.type.in_(("pick", "issue")),
    )
    return await reader.first(unmet.limit(1)) is not None


def _is_at(location: Column[str], site: str) -> ColumnElement[bool]:
    """At the site or below it: a range of the index, since `0` is what follows `/`."""
    return or_(location == site, (location >= f"{site}/") & (location < f"{site}0"))


async def _is_a_supplier(reader: ReadConnection, supplier: str) -> bool:
    """Whether a description names it first: who comes later has no lead times in a run."""
    # No text in a document holds these quotation marks bare, so this is found nowhere else.
    code = msgspec.json.encode(supplier).decode()
    position = func.instr if reader.is_sqlite else func.strpos
    named = position(item_definitions.c.document, f'"suppliers":[{{"code":{code}') > 0
    query = select(item_definitions.c.sku).where(named).limit(1)
    return await reader.first(query) is not None


async def _unknown(reader: ReadConnection, skus: Collection[str]) -> set[str]:
    """Those of the SKUs that were never seen."""
    left = set(skus)
    for table in _NAMING_A_SKU:
        if left:
            query = select(table.c.sku).where(table.c.sku.in_(sorted(left))).distinct()
            left -= {row["sku"] for row in await reader.all(query)}
    return left
