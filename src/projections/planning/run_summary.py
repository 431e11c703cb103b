"""A run in a few numbers: how many series are in each cell of ABC by XYZ, and their share."""

from typing import Any, Final

from sqlalchemy import func, select

from ledger.domain.quantities import text
from projections.database import ReadConnection
from projections.planning.run_fields import MICRO_DECIMALS, planning_results

FIRST_MAX: Final = 10
_s = planning_results.c


async def summary(reader: ReadConnection, run_id: str) -> dict[str, Any]:
    """The cells, and the series that rank first."""
    cells = (
        select(
            _s.abc,
            _s.xyz,
            func.count().label("series"),
            func.sum(_s.share_percent).label("share"),
        )
        .where(_s.run_id == run_id)
        .group_by(_s.abc, _s.xyz)
        .order_by(_s.abc, _s.xyz)
    )
    first = (
        select(_s.sku, _s.site, _s.abc, _s.xyz, _s.share_percent)
        .where(_s.run_id == run_id)
        .order_by(_s.rank, _s.sku, _s.site)
        .limit(FIRST_MAX)
    )
    return {
        "cells": [
            {
                "abc": row["abc"],
                "xyz": row["xyz"],
                "series": row["series"],
                "share_percent": text(int(row["share"] or 0), MICRO_DECIMALS),
            }
            for row in await reader.all(cells)
        ],
        "first": [
            {
                "sku": row["sku"],
                "site": row["site"] or None,
                "class": f"{row['abc']}{row['xyz']}",
                "share_percent": text(row["share_percent"], MICRO_DECIMALS),
            }
            for row in await reader.all(first)
        ],
    }
