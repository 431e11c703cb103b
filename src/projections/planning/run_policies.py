"""The policies of a run: what its parameters say of each cell of the matrix and of single SKUs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Final

import msgspec

from projections.planning import abc, xyz
from projections.planning.empirical import BootstrapOptions
from projections.planning.errors import PlanningError
from projections.planning.lead_demand import Scenario
from projections.planning.lead_times import LeadTimeOptions
from projections.planning.matrix import (
    NOTHING,
    WITH_COVER,
    Policy,
    PolicyMatrix,
    default_cells,
)
from projections.planning.order_quantities import CostOptions
from projections.planning.parameters import InvalidParameters, Parameters, PolicyPart
from projections.planning.safety_stock import METHODS, WITH_LEVEL

_BUILT_IN: Final = {cell: str(policy.level) for cell, policy in default_cells().items()}
_LAST_BUILT_IN: Final = "C"
_NOTHING_SAID: Final = PolicyPart()
_MIN_MAX: Final = ("minimum", "maximum")


def matrix_of(parameters: Parameters) -> PolicyMatrix:
    """The matrix with as many ABC classes as there are shares. Raises InvalidParameters."""
    wanted = parameters.policies
    letters = abc.CLASSES[: len(parameters.abc.shares)]
    cells = [letter + other for letter in letters for other in xyz.CLASSES]
    if unknown := sorted(set(wanted.cells) - set(cells)):
        raise InvalidParameters(f"policies.cells.{unknown[0]}", "there is no such cell")
    if unknown := sorted(set(wanted.levels) - set(letters)):
        raise InvalidParameters(f"policies.levels.{unknown[0]}", "there is no such class")
    found = {}
    for cell in cells:
        with _named(f"policies.cells.{cell}" if cell in wanted.cells else "policies"):
            found[cell] = _policy(parameters, wanted.cells.get(cell, _NOTHING_SAID), cell)
    dead = None if wanted.order_dead else NOTHING
    return PolicyMatrix(found, dead, wanted.empirical)


def own_policies(
    parameters: Parameters, cells: Mapping[str, list[tuple[int, str]]]
) -> dict[int, Policy]:
    """The policies of single SKUs, by the number of their series.

    `cells` names the series of each such SKU, each with its cell. Raises InvalidParameters.
    """
    found: dict[int, Policy] = {}
    for sku, part in parameters.policies.skus.items():
        with _named(f"policies.skus.{sku}"):
            for number, cell in cells.get(sku, []):
                found[number] = _policy(parameters, part, cell)
    return found


def check_policies(parameters: Parameters) -> None:
    """Raise InvalidParameters for anything that could not be planned by."""
    matrix_of(parameters)
    letters = abc.CLASSES[: len(parameters.abc.shares)]
    every = [letter + other for letter in letters for other in xyz.CLASSES]
    first = _first_of_each(parameters.policies.skus)
    if unknown := sorted(set(parameters.forecast.classes) - set(letters)):
        raise InvalidParameters("forecast.classes", f"there is no class {unknown[0]}")
    for cell in every:
        for sku, part in first:
            with _named(f"policies.skus.{sku}"):
                _policy(parameters, part, cell)
    for sku, part in parameters.policies.skus.items():
        with _named(f"policies.skus.{sku}"):
            _check_min_max(parameters, part, every)
    with _named("lead_times"):
        lead_time_options(parameters)
    with _named("costs"):
        cost_options(parameters)
    with _named("what_if"):
        Scenario(demand_change=parameters.what_if.demand_percent)
    with _named("policies"):
        bootstrap_options(parameters)


def _first_of_each(skus: Mapping[str, PolicyPart]) -> list[tuple[str, PolicyPart]]:
    """The first SKU of each different part: thousands of SKUs mostly share a few."""
    first: dict[PolicyPart, tuple[str, PolicyPart]] = {}
    for sku, part in skus.items():
        # The levels are no part of the policy; they are each SKU's own.
        same = msgspec.structs.replace(part, minimum=None, maximum=None)
        first.setdefault(same, (sku, part))
    return list(first.values())


def lead_time_options(parameters: Parameters) -> LeadTimeOptions:
    """Raises PlanningError."""
    wanted = parameters.lead_times
    return LeadTimeOptions(wanted.observations_min, wanted.default_days, wanted.assumed_deviation)


def cost_options(parameters: Parameters) -> CostOptions:
    """Raises PlanningError."""
    wanted = parameters.costs
    return CostOptions(
        wanted.order_cost, wanted.carrying_rate, wanted.days_without_cost, wanted.days_max
    )


def bootstrap_options(parameters: Parameters) -> BootstrapOptions:
    """Raises PlanningError."""
    return BootstrapOptions(parameters.policies.replicates, parameters.seed)


def _policy(parameters: Parameters, part: PolicyPart, cell: str) -> Policy:
    """What is said of a cell or SKU, and for the rest what holds for all."""
    wanted = parameters.policies
    of_cell = wanted.cells.get(cell, _NOTHING_SAID)
    method = part.method or of_cell.method or wanted.method
    code = METHODS.index(method)
    level, cover_days = part.level, part.cover_days
    if code in WITH_LEVEL and level is None:
        level = of_cell.level or _level(parameters, cell)
    if code in WITH_COVER and cover_days is None:
        cover_days = of_cell.cover_days or wanted.cover_days
    return Policy(
        method=method,
        level=level,
        cover_days=cover_days,
        buffer_days=part.buffer_days or of_cell.buffer_days or wanted.buffer_days,
        replenishment=_replenishment(parameters, part, cell),
        review_days=part.review_days or of_cell.review_days or wanted.review_days,
    )


def _replenishment(parameters: Parameters, part: PolicyPart, cell: str) -> str:
    """How a cell or SKU is replenished."""
    wanted = parameters.policies
    of_cell = wanted.cells.get(cell, _NOTHING_SAID)
    return part.replenishment or of_cell.replenishment or wanted.replenishment


def _check_min_max(parameters: Parameters, part: PolicyPart, cells: Sequence[str]) -> None:
    """Raise PlanningError for levels of a SKU that are none, or ignored whatever its cell is."""
    given = [name for name in _MIN_MAX if getattr(part, name) is not None]
    if given and all(_replenishment(parameters, part, cell) != "min_max" for cell in cells):
        raise PlanningError(given[0], "it needs the replenishment min_max")
    if part.minimum is None or part.maximum is None:
        return
    if Decimal(part.maximum) <= Decimal(part.minimum):
        raise PlanningError("maximum", "a maximum is above its minimum")


def _level(parameters: Parameters, cell: str) -> str:
    """The level of a cell of which none is said: of its class, of all, or as built in."""
    wanted = parameters.policies
    letter = cell[0] if cell in _BUILT_IN else _LAST_BUILT_IN
    return wanted.levels.get(cell[0]) or wanted.level or _BUILT_IN[letter + cell[1]]


@contextmanager
def _named(where: str) -> Iterator[None]:
    """What is wrong with a value, under the name that the caller knows it by."""
    try:
        yield
    except PlanningError as error:
        raise InvalidParameters(f"{where}.{error.field}", error.detail) from None
