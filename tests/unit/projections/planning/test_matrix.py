"""The policy matrix: what a series gets, what decided it, and matrices without sense."""

import numpy as np
import pytest

from projections.planning.errors import PlanningError
from projections.planning.matrix import (
    SOURCES,
    Assigned,
    Classified,
    Policy,
    PolicyMatrix,
    assign,
    default_cells,
)
from projections.planning.patterns import PATTERNS
from projections.planning.proposals import POLICIES
from projections.planning.safety_stock import METHODS


def classified(
    cells: list[str], patterns: list[str] | None = None, dead: list[bool] | None = None
) -> Classified:
    count = len(cells)
    return Classified(
        abc=np.array(["ABC".index(cell[0]) for cell in cells], dtype=np.int8),
        xyz=np.array(["XYZ".index(cell[1]) for cell in cells], dtype=np.int8),
        pattern=np.array(
            [PATTERNS.index(one) for one in patterns or ["smooth"] * count], dtype=np.int8
        ),
        dead=np.array(dead or [False] * count),
    )


def methods(found: Assigned) -> list[str]:
    return [METHODS[code] for code in found.targets.method]


def levels(found: Assigned) -> list[str]:
    return [str(found.targets.levels[number]) for number in found.targets.level]


def test_each_cell_has_its_policy() -> None:
    found = assign(classified(["AX", "BY", "CZ", "AX"]))
    assert levels(found) == ["0.98", "0.95", "0.9", "0.98"]
    assert methods(found) == ["cycle_service"] * 4
    assert found.review_days.tolist() == [1.0] * 4
    assert {POLICIES[code] for code in found.replenishment} == {"s_q"}
    assert {SOURCES[code] for code in found.source} == {"cell"}


def test_dead_items_get_nothing_and_a_sku_its_own() -> None:
    own = Policy(
        method="days_of_cover", cover_days="12.5", replenishment="periodic", review_days="7"
    )
    series = classified(["AX", "CX", "CX"], dead=[False, True, True])
    series = Classified(series.abc, series.xyz, series.pattern, series.dead, own={2: own})
    found = assign(series)
    assert methods(found) == ["cycle_service", "none", "days_of_cover"]
    assert [SOURCES[code] for code in found.source] == ["cell", "dead", "sku"]
    assert [POLICIES[code] for code in found.replenishment] == ["s_q", "none", "periodic"]
    assert found.targets.cover_days.tolist() == [0.0, 0.0, 12.5]
    assert found.review_days.tolist() == [1.0, 1.0, 7.0]


def test_dead_items_may_be_treated_like_others() -> None:
    found = assign(classified(["CX"], dead=[True]), PolicyMatrix(dead=None))
    assert methods(found) == ["cycle_service"]


def test_rare_demand_is_planned_from_demand_as_it_was() -> None:
    series = classified(["CZ"] * 5, list(PATTERNS))
    assert methods(assign(series)) == [
        "cycle_service", "cycle_service", "empirical", "empirical", "cycle_service",
    ]  # fmt: skip
    assert levels(assign(series)) == ["0.9"] * 5
    assert methods(assign(series, PolicyMatrix(empirical=False))) == ["cycle_service"] * 5


def test_what_is_set_for_a_sku_is_meant_as_it_is() -> None:
    rare = classified(["CZ"], ["lumpy"])
    own = {0: Policy(level="0.97")}
    found = assign(Classified(rare.abc, rare.xyz, rare.pattern, rare.dead, own=own))
    assert (methods(found), levels(found)) == (["cycle_service"], ["0.97"])


def test_any_number_of_classes_fills_a_matrix() -> None:
    cells = {abc + xyz: Policy(level="0.9") for abc in "AB" for xyz in "XYZ"}
    assert levels(assign(classified(["BZ"]), PolicyMatrix(cells=cells))) == ["0.9"]
    with pytest.raises(PlanningError, match="fewer ABC classes"):
        assign(classified(["CX"]), PolicyMatrix(cells=cells))


@pytest.mark.parametrize("missing", ["AX", "BZ", "CZ"])
def test_a_matrix_without_a_cell_is_refused(missing: str) -> None:
    cells = default_cells()
    del cells[missing]
    with pytest.raises(PlanningError, match="every cell"):
        PolicyMatrix(cells=cells)


@pytest.mark.parametrize("cells", [{}, {"AX": Policy(level="0.9")}, {"??": Policy(level="0.9")}])
def test_odd_matrices_are_refused(cells: dict[str, Policy]) -> None:
    with pytest.raises(PlanningError, match="every cell"):
        PolicyMatrix(cells=cells)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"method": "magic"}, "method"),
        ({"level": "0.9", "replenishment": "magic"}, "replenishment"),
        ({}, "level"),
        ({"level": "1"}, "level"),
        ({"method": "days_of_cover"}, "cover_days"),
        ({"method": "days_of_cover", "cover_days": "3", "level": "0.9"}, "level"),
        ({"level": "0.9", "cover_days": "3"}, "cover_days"),
        ({"method": "just_in_time", "cover_days": "-3"}, "cover_days"),
        ({"level": "0.9", "buffer_days": "-1"}, "buffer_days"),
        ({"level": "0.9", "review_days": "-1"}, "review_days"),
        ({"level": "0.9", "replenishment": "periodic", "review_days": "0"}, "review_days"),
    ],
)
def test_policies_without_sense_are_refused(options: dict[str, str], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        Policy(**options)
    assert refused.value.field == field


def test_no_series_at_all() -> None:
    assert len(assign(classified([])).source) == 0
