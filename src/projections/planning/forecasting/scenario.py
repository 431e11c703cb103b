"""What a calendar and a scenario make of forecasts that were chosen by history as it was."""

from dataclasses import replace

import numpy as np

from projections.planning.forecasting.choice import Choice
from projections.planning.forecasting.history import Flags, Floats
from projections.planning.forecasting.scores import rounded


def in_scenario(choice: Choice, is_open: Flags, change: float) -> Choice:
    """Forecasts and bounds times `change`, and 0 in the buckets ahead (H) that are not open.

    `change` is at least 0, and 1 where demand is as it was. Models, constants and scores stay.
    """

    def adapted(values: Floats) -> Floats:
        # Times 1 would change the last digit of large numbers, which are rounded already.
        scaled = values if change == 1 else rounded(values * change)
        return np.where(is_open, scaled, 0.0)

    return replace(
        choice,
        forecasts=adapted(choice.forecasts),
        lower=adapted(choice.lower),
        upper=adapted(choice.upper),
    )
