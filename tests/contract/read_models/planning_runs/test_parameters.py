"""Every parameter is used: each makes a run say something else."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from projections.database import Database
from projections.migrate import upgrade
from projections.planning.parameters import Parameters
from tests.contract.read_models.planning_runs.making import Trade, make, parameters, results
from tests.contract.read_models.projecting import project

QUICK: dict[str, Any] = {"forecast": {"models": ["naive", "ses"], "origins": 1, "horizon": 2}}
# UNEVEN has 74.926 % before it now; 60 days ago it was 74.742, 120 ago 73.945, 180 ago 75.119.
SWINGING = {"shares": ["74.9", "20", "5.1"]}
KEPT = {"abc": {**SWINGING, "hysteresis": 1}}
ONCE, THRICE = {"reviews": {"count": 1, "days": 60}}, {"reviews": {"count": 3, "days": 60}}
# Its coefficient of variation is 0.3126 now, and was 0.3079.
VARYING = {"limits": ["0.31", "0.5"]}
# What a field is changed to, and what else has to be so for it to matter.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as_of": ({}, {"as_of": "2025-11-30"}),
    "site": ({}, {"site": "EAST"}),
    "each_site": ({}, {"each_site": True}),
    "demand.window_days": ({}, {"demand": {"window_days": 100}}),
    "demand.bucket": ({}, {"demand": {"bucket": "month"}}),
    "demand.closed_weekdays": ({}, {"demand": {"closed_weekdays": ["sunday"]}}),
    "demand.closed_dates": ({}, {"demand": {"closed_dates": ["2025-12-26"]}}),
    "demand.count_unmet": (
        {"as_of": "2026-01-02"}, {"as_of": "2026-01-02", "demand": {"count_unmet": False}},
    ),
    "abc.basis": ({}, {"abc": {"basis": "units"}}),
    "abc.shares": ({}, {"abc": {"shares": [50, 30, 20]}}),
    "abc.hysteresis": ({**ONCE, "abc": SWINGING}, {**ONCE, **KEPT}),
    "xyz.limits": ({}, {"xyz": {"limits": [0.01, 0.02]}}),
    "xyz.hysteresis": (
        {**ONCE, "xyz": VARYING}, {**ONCE, "xyz": {**VARYING, "hysteresis": "0.01"}},
    ),
    "reviews.count": ({**KEPT, **ONCE}, {**KEPT, **THRICE}),
    "reviews.days": ({**KEPT, **ONCE}, {**KEPT, "reviews": {"count": 1, "days": 180}}),
    "pattern.interval": ({}, {"pattern": {"interval": 50}}),
    "pattern.size_cv_squared": ({}, {"pattern": {"size_cv_squared": "0.0001"}}),
    "velocity.fast_lines": ({}, {"velocity": {"fast_lines": 29}}),
    "velocity.slow_lines": ({}, {"velocity": {"slow_lines": 9}}),
    "velocity.dead_days": ({}, {"velocity": {"dead_days": 366}}),
    "velocity.new_days": ({}, {"velocity": {"new_days": 366}}),
    "policies.method": ({}, {"policies": {"method": "fill_rate"}}),
    "policies.level": ({}, {"policies": {"level": 0.8}}),
    "policies.levels": ({}, {"policies": {"levels": {"A": 0.8}}}),
    "policies.cover_days": (
        {"policies": {"method": "days_of_cover"}},
        {"policies": {"method": "days_of_cover", "cover_days": 9}},
    ),
    "policies.buffer_days": ({}, {"policies": {"buffer_days": 2}}),
    "policies.replenishment": ({}, {"policies": {"replenishment": "base_stock"}}),
    "policies.review_days": ({}, {"policies": {"review_days": 7}}),
    "policies.cells": ({}, {"policies": {"cells": {"AX": {"level": 0.6}}}}),
    "policies.skus": ({}, {"policies": {"skus": {"STEADY": {"level": 0.6}}}}),
    "policies.empirical": ({}, {"policies": {"empirical": False}}),
    "policies.replicates": ({}, {"policies": {"replicates": 100}}),
    "policies.order_dead": ({}, {"policies": {"order_dead": True}}),
    "lead_times.observations_min": ({}, {"lead_times": {"observations_min": 50}}),
    "lead_times.default_days": ({}, {"lead_times": {"default_days": 5}}),
    "lead_times.assumed_deviation": ({}, {"lead_times": {"assumed_deviation": 0.5}}),
    "costs.order_cost": ({}, {"costs": {"order_cost": 1}}),
    "costs.carrying_rate": ({}, {"costs": {"carrying_rate": 0.5}}),
    "costs.days_without_cost": ({}, {"costs": {"days_without_cost": 9}}),
    "costs.days_max": ({}, {"costs": {"days_max": 31}}),
    "what_if.late_days": ({}, {"what_if": {"late_days": 5}}),
    "what_if.late_supplier": (
        {"what_if": {"late_days": 5}}, {"what_if": {"late_days": 5, "late_supplier": "B"}},
    ),
    "what_if.demand_percent": ({}, {"what_if": {"demand_percent": 10}}),
    "forecast.enabled": ({}, {"forecast": {"enabled": False}}),
    "forecast.classes": ({}, {"forecast": {"classes": ["A", "B"]}}),
    "forecast.bucket": ({}, {"forecast": {"bucket": "month"}}),
    "forecast.buckets_max": ({}, {"forecast": {"buckets_max": 20}}),
    "forecast.horizon": ({}, {"forecast": {"horizon": 3}}),
    "forecast.season": (
        {"forecast": {"models": ["seasonal_naive"]}},
        {"forecast": {"models": ["seasonal_naive"], "season": 4}},
    ),
    "forecast.levels": ({}, {"forecast": {"levels": [0.5]}}),
    "forecast.models": ({}, {"forecast": {"models": ["croston"]}}),
    "forecast.criterion": (
        {"forecast": {"models": ["naive", "ses", "holt", "croston"], "origins": 4}},
        {
            "forecast": {
                "models": ["naive", "ses", "holt", "croston"], "origins": 4, "criterion": "pinball",
            }
        },
    ),
    "forecast.origins": ({}, {"forecast": {"origins": 3}}),
    "forecast.step": ({"forecast": {"origins": 3}}, {"forecast": {"origins": 3, "step": 5}}),
    "health.enabled": ({}, {"health": {"enabled": False}}),
    "health.demand_days": ({}, {"health": {"demand_days": 9}}),
    "health.excess_cover_days": ({}, {"health": {"excess_cover_days": 9}}),
    "health.slow_cover_days": ({}, {"health": {"slow_cover_days": 3000}}),
    "seed": ({}, {"seed": 5}),
}  # fmt: skip
_numbers = count(1)
# What another number of the same row could hide: that the parameter counts for each method.
REORDERED = {"lead_times.assumed_deviation": ("CHEAP", "UNEVEN", "RARE", "LUMPY")}
# What another test shows: `publish` in test_changes, `positions` in test_results.
ELSEWHERE = {"publish", "positions"}


def _fields(kind: type[msgspec.Struct], prefix: str = "") -> set[str]:
    """The paths of all fields, those of parts included."""
    found: set[str] = set()
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found |= _fields(field.type, f"{prefix}{field.name}.")
        else:
            found.add(prefix + field.name)
    return found


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = dict(one)
    for name, value in other.items():
        before = merged.get(name)
        merged[name] = {**before, **value} if isinstance(before, dict) else value
    return merged


def _of(found: dict[str, list[dict[str, Any]]], sku: str) -> dict[str, Any]:
    """The row of a SKU."""
    return next(row for row in found["planning_results"] if row["sku"] == sku)


def test_every_parameter_is_tested() -> None:
    """A new one has to be put here."""
    assert _fields(Parameters) == CHANGES.keys() | ELSEWHERE


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A year of trade, told and read once."""
    folder: Path = tmp_path_factory.mktemp("parameters")
    made = f"sqlite+aiosqlite:///{folder / 'views.db'}"

    async def fill() -> None:
        await upgrade(made)
        database = Database(made)
        await database.open()
        await project(Trade().log, database)
        await database.close()

    asyncio.run(fill())
    return made


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The views of it."""
    opened = Database(url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.mark.parametrize("name", CHANGES)
async def test_each_changes_something(database: Database, name: str) -> None:
    """Against a run that differs in nothing else."""
    base, changed = (_merged(_quick(name), one) for one in CHANGES[name])
    runs = []
    for request in (base, changed):
        wanted = parameters(**request)
        row = await make(database, wanted, next(_numbers))
        runs.append((wanted, await results(database, row["run_id"])))
    (one, of_one), (other, of_other) = runs
    assert _different(msgspec.to_builtins(one), msgspec.to_builtins(other)) == {name}
    assert of_one != of_other
    for sku in REORDERED.get(name, ()):
        points = [_of(one, sku)["reorder_point"] for one in (of_one, of_other)]
        assert points[0] < points[1], sku


async def test_the_first_day_with_the_longest_windows(database: Database) -> None:
    """Every day that is looked at, however far back, is one of the calendar."""
    wanted = parameters(
        as_of="1900-01-01",
        demand={"window_days": 3_660},
        reviews={"count": 60, "days": 366},
        abc={"hysteresis": 1},
        health={"demand_days": 3_660},
    )
    row = await make(database, wanted, next(_numbers))
    assert (row["state"], row["reason"]) == ("done", None)


def _quick(name: str) -> dict[str, Any]:
    return QUICK if name.startswith("forecast.") else {"forecast": {"enabled": False}}


def _different(one: Any, other: Any, prefix: str = "") -> set[str]:
    """The paths at which two documents differ, down to the fields of parts."""
    found: set[str] = set()
    for name in one:
        if one[name] != other[name]:
            inside = isinstance(one[name], dict) and not prefix
            deeper = _different(one[name], other[name], f"{name}.") if inside else {prefix + name}
            found |= deeper
    return found
