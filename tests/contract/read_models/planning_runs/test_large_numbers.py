"""Numbers beyond 64 bits, as a bar code makes that was read where a quantity was asked for."""

import numpy as np
import pytest
from sqlalchemy import select

from projections.database import Database
from projections.planning import runs
from projections.planning.explain_rank import rank_of
from projections.planning.parameters import AbcParameters, Parameters
from projections.planning.run_columns import FIELDS
from projections.planning.run_fields import planning_results
from projections.planning.run_lists import list_suppliers
from projections.planning.run_stored import stored
from projections.planning.run_writer import PlanningWriter, Row
from projections.planning.runs import Lease, NewRun

BAR_CODE = 9_780_306_406_157
PARAMETERS = Parameters(as_of="2026-01-31", abc=AbcParameters(basis="units"))
LEASE = Lease("ledger-1", "run-001", "attempt-1")


def series(sku: str, scale: int, **values: object) -> Row:
    """A row of results with these numbers alone."""
    return LEASE.run_id, sku, "", scale, *(values.get(field.name) for field in FIELDS)


async def write(database: Database, *rows: Row) -> None:
    """Results of a run."""
    writer = PlanningWriter(database.url.render_as_string(hide_password=False))
    new = NewRun(
        lease=LEASE, parameters=PARAMETERS, origin="request", code_version="1", started_ms=0
    )
    await runs.begin(writer, new)
    await runs.write_rows(writer, LEASE, {planning_results: rows})
    await writer.close()


@pytest.mark.parametrize("kind", ["count", "quantity", "value", "number"])
def test_what_no_table_holds_is_not_defined(kind: str) -> None:
    """The largest number that there is room for is kept, and the next one is none."""
    most = 2**63 - 1
    assert stored(kind, [most, -most, most + 1, -most - 2, None]) == [  # type: ignore[arg-type]
        most, -most, None, None, None,
    ]  # fmt: skip


def test_a_statistic_that_is_too_large_is_not_defined() -> None:
    """Of arrays, too; what comes out is never another number."""
    found = stored("number", np.array([9.2e12, 9.3e12, -1e30, np.inf, np.nan, 0.5]))
    assert found == [9_200_000_000_000_000_000, None, None, None, None, 500_000]


async def test_proposals_of_a_supplier_pass_64_bits(database: Database) -> None:
    """Each line fits, and their sum does not."""
    line = {"proposal_reason": "ordered", "supplier": "S", "proposal_value": 2**63 - 1}
    await write(database, *(series(sku, 0, **line) for sku in "ABC"))
    async with database.reader() as reader:
        page = await list_suppliers(reader, LEASE.run_id, 10, None)
    assert page.items == [
        {"supplier": "S", "lines": 3, "value": "27670116110564.327421", "lines_without_cost": 0}
    ]


async def test_the_rank_of_a_bar_code(database: Database) -> None:
    """In millionths of a unit, as others are counted, its demand passes 64 bits."""
    await write(database, series("CODE", 0, demand=BAR_CODE), series("FINE", 6, demand=5_000_000))
    async with database.reader() as reader:
        for sku, rank, own in (("CODE", 1, BAR_CODE), ("FINE", 2, 5)):
            row = await reader.first(select(planning_results).where(planning_results.c.sku == sku))
            assert row is not None
            found = await rank_of(reader, row, PARAMETERS)
            assert (found.rank.tolist(), found.values.tolist()) == ([rank], [own * 10**6])
            assert found.total == (BAR_CODE + 5) * 10**6
