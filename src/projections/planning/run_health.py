"""Stock health in a run: figures of each series over the window."""

from typing import Any, Final

from projections.planning.days import Days
from projections.planning.health.figures import Figure
from projections.planning.health.groups import by_series
from projections.planning.health.measures import SUMMED
from projections.planning.health.parameters import HealthParameters
from projections.planning.parameters import Parameters, millionths

COLUMNS: Final = (
    *SUMMED, "on_hand_net", "value_net", "received", "found", "returned", "moved_in",
    "supplier_returned", "scrapped", "lost", "moved_out",
)  # fmt: skip
# The columns of a run's results, and the figures that they are.
FIGURES: Final = {
    "turnover_per_year": "turnover_per_year",
    "days_of_cover": "days_of_cover",
    "fill_rate_units": "fill_rate_units",
    "excess": "excess",
    "excess_value": "excess_value",
    "slow": "slow",
    "carrying_cost": "carrying_cost",
}


def options_of(parameters: Parameters) -> HealthParameters:
    """The window and the limits as stock health takes them. Raises PlanningError."""
    wanted = parameters.health
    return HealthParameters(
        first_day=parameters.first_day,
        last_day=parameters.as_of_day,
        bucket="whole",
        demand_days=wanted.demand_days,
        excess_cover_days=wanted.excess_cover_days,
        slow_cover_days=wanted.slow_cover_days,
        carrying_rate=millionths(parameters.costs.carrying_rate),
    )


def columns_of(days: Days, parameters: Parameters) -> dict[str, list[Any]]:
    """The figures of each series over the window, as the results hold them."""
    columns: dict[str, list[Any]] = {name: [] for name in FIGURES}
    for _, figures in by_series(days, options_of(parameters)):
        for name, figure in FIGURES.items():
            columns[name] += _values(figures[figure])
    return columns


def _values(figure: Figure) -> list[Any]:
    """Of the one bucket; None where it is not defined."""
    values, reasons = figure.values[:, 0].tolist(), figure.reasons[:, 0].tolist()
    return [None if reason else one for one, reason in zip(values, reasons, strict=True)]
