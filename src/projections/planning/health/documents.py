"""Figures of stock health as callers see them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ledger.domain import quantities
from projections.planning.health.figures import REASONS, Figure
from projections.planning.health.formulas import FORMULAS
from projections.planning.health.groups import SCALE_OF_GROUPS
from projections.planning.health.parameters import HealthParameters

_UNITS: Final = {formula.name: formula.unit for formula in FORMULAS}


def date_text(day: int) -> str:
    """A day, counted from 1970-01-01, as a date."""
    return str(np.datetime64(day, "D"))


def shown_figures(
    found: Mapping[str, Figure], parameters: HealthParameters, at: tuple[int, int]
) -> dict[str, Any]:
    """The figures of a group in a bucket, numbers as exact decimal texts, and why some are null."""
    figures: dict[str, Any] = {}
    why: dict[str, str] = {}
    for name, unit in _UNITS.items():
        if name.startswith("aged"):
            continue
        reason = int(found[name].reasons[at])
        figures[name] = None if reason else shown_number(int(found[name].values[at]), unit)
        if reason:
            why[name] = REASONS[reason]
    figures["ageing"] = [
        {
            "days_max": limit,
            "quantity": shown_number(int(found[f"aged_{number}"].values[at]), "quantity"),
            "value": shown_number(int(found[f"aged_value_{number}"].values[at]), "value"),
        }
        for number, limit in enumerate((*parameters.ageing_days, None))
    ]
    return {**figures, "why": why}


def shown_number(value: int, unit: str) -> str | int:
    """A figure of a group by its unit: a whole number, or an exact decimal text."""
    # Quantities of groups, values and ratios all have six decimals.
    return value if unit == "count" else quantities.text(value, SCALE_OF_GROUPS)
