"""Days: what became of a SKU at a site on a day, in columns. Every planning number comes from it.

A **series** is a SKU at a site, or a SKU at all sites together (its site is then the empty text).
The rows of series `i` are `starts[i]:starts[i + 1]`, in the order of their days. A day on which
nothing happened has no row. Rows go back to the first movement, so that the sums of the `_net`
columns up to a day are the balances at its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

# Quantities are scaled by the series' scale, values are millionths of the currency, `_lines` count
# movements or refusals. All but the nets are what happened, reversals taken off again on the day
# of the movement they undo; all add up over days, sites and parts of the log.
COLUMNS = (
    "issued",  # went to customers: picks that leave, issues, consumption
    "issue_lines",
    "issued_value",  # at the cost frozen in the movements
    "returned",  # came back from customers, in whatever state
    "return_lines",
    "unmet",  # asked for and refused for lack of stock
    "unmet_lines",
    "received",
    "received_value",
    "supplier_returned",
    "scrapped",
    "scrapped_value",
    "found",  # adjustments upwards
    "found_value",
    "lost",  # adjustments downwards
    "lost_value",
    "moved_in",  # from another site
    "moved_out",
    "on_hand_net",  # change of all real accounts of the site
    "available_net",  # of those whose status is available
    "value_net",
)


@dataclass(frozen=True, slots=True)
class Days:
    """Rows of days by series. `day` counts days since 1970-01-01, by the UTC calendar."""

    skus: Sequence[str]
    sites: Sequence[str]
    scales: npt.NDArray[np.int8]
    starts: Integers
    day: npt.NDArray[np.int32]
    columns: Mapping[str, Integers]

    def __len__(self) -> int:
        """How many series there are."""
        return len(self.skus)
