"""Minimum and maximum of single SKUs: no run of all SKUs fails by those of one."""

from typing import Any

import pytest
from sqlalchemy import select

from projections.database import Database
from projections.planning.parameters import InvalidParameters
from projections.planning.run_explain import explain
from projections.planning.run_tables import planning_runs
from tests.contract.read_models.planning_runs.making import Trade, make, parameters, results
from tests.contract.read_models.projecting import project

MOST = "9" * 18


def wanted(**skus: dict[str, Any]) -> dict[str, Any]:
    """Policies of these SKUs, of which each is replenished by `min_max`."""
    return {
        "skus": {sku: {"replenishment": "min_max", **part} for sku, part in skus.items()},
        "order_dead": True,
    }


async def test_what_only_the_numbers_of_the_run_tell(database: Database) -> None:
    """A maximum that the reorder point has reached, and more decimals than an item has."""
    await project(Trade().log, database)
    policies = wanted(
        STEADY={"maximum": "50"},
        UNEVEN={"minimum": "10.5", "maximum": "90.9"},
        LUMPY={"minimum": "10.505"},
        # Nothing is left between them, once they are whole.
        CHEAP={"minimum": "10.2", "maximum": "10.9"},
        FREE={"minimum": MOST, "maximum": f"{MOST}.5"},
    )
    await make(database, parameters(policies=policies, forecast={"enabled": False}))
    rows = (await results(database))["planning_results"]
    of = {row["sku"]: row for row in rows}
    steady, cheap = of["STEADY"], of["CHEAP"]
    assert steady["order_at"] == steady["reorder_point"] > 50
    assert steady["order_up_to"] == steady["order_at"] + steady["order_quantity"]
    assert (of["UNEVEN"]["order_at"], of["UNEVEN"]["order_up_to"]) == (11, 90)
    assert of["LUMPY"]["order_at"] == 1051
    assert (cheap["order_at"], cheap["order_up_to"]) == (11, 12)
    assert (of["FREE"]["order_at"], of["FREE"]["order_up_to"]) == (int(MOST), int(MOST) + 1)
    async with database.reader() as reader:
        run = await reader.first(select(planning_runs))
        assert run is not None
        assert (run["state"], len(rows)) == ("done", 7)
        for row in rows:
            why = await explain(reader, run, row["sku"], "")
            assert why is not None
            assert (why["agrees"], why["differences"]) == (True, [])


@pytest.mark.parametrize(
    ("policies", "field"),
    [
        (wanted(A={"minimum": "10", "maximum": "5"}), "skus.A.maximum"),
        (wanted(A={"minimum": "10", "maximum": "10.00"}), "skus.A.maximum"),
        ({"skus": {"A": {"maximum": "9"}}}, "skus.A.maximum"),
        ({"skus": {"A": {"minimum": "1", "maximum": "9"}}}, "skus.A.minimum"),
        (
            {"replenishment": "min_max", "skus": {"A": {"replenishment": "s_q", "minimum": "1"}}},
            "skus.A.minimum",
        ),
    ],
)
def test_what_the_parameters_tell(policies: dict[str, Any], field: str) -> None:
    """Before anything is computed, and by the name that the caller knows."""
    with pytest.raises(InvalidParameters) as refused:
        parameters(policies=policies)
    assert refused.value.field == f"policies.{field}"


@pytest.mark.parametrize(
    "more", [{"replenishment": "min_max"}, {"cells": {"AX": {"replenishment": "min_max"}}}]
)
def test_it_may_be_replenished_so_by_its_cell(more: dict[str, Any]) -> None:
    """Which cell that is, only the run knows."""
    parameters(policies={"skus": {"A": {"minimum": "1", "maximum": "9"}}, **more})
