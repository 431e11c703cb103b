"""Which tables are made from the log, and which are not: what a rebuild makes anew.

A table of the views' database is in exactly one of the two lists.
"""

from typing import Final

from sqlalchemy import Table

from projections.checkpoints import VIEW_GROUP
from projections.history.tables import (
    HISTORY_GROUP,
    history_blocks,
    history_skus,
    history_slices,
)
from projections.planning.demand_statements import DEMAND_GROUP
from projections.tables import (
    item_definitions,
    items,
    movements,
    reason_days,
    refusals,
    sku_days,
    sku_sites,
    sku_totals,
    stock,
    supply_changes,
    supply_orders,
    supply_receipts,
    void_records,
)

COMPARED: Final[tuple[Table, ...]] = (
    movements,
    refusals,
    void_records,
    stock,
    sku_totals,
    items,
    item_definitions,
    supply_orders,
    supply_changes,
    supply_receipts,
    sku_sites,
    sku_days,
    reason_days,
)
# A cache of these: what is exchanged for live ones is empty, and filled behind it.
CACHES: Final[tuple[Table, ...]] = (history_skus, history_blocks, history_slices)
DERIVED: Final = (*COMPARED, *CACHES)
# Their positions in `view_positions`.
DERIVED_GROUPS: Final = (VIEW_GROUP, DEMAND_GROUP, HISTORY_GROUP)

# Everything else, and why a rebuild leaves it as it is.
KEPT: Final = {
    "view_positions": "the rows of the groups above are exchanged, those of others stay",
    "view_failures": "what stopped a projector holds for a position: it is emptied by an exchange",
    "alerts": "what was raised and sent stays raised and sent, whatever the rules are today",
    "site_levels": "which stock-outs hold: it goes with the alerts, at their own position",
    "planning_runs": "what was asked for and came out, at the position that each run names",
    "planning_locks": "who makes a run now, and when the schedule was kept last",
    "planning_events": "what was published is numbered without a gap",
    "planning_results": "results of runs",
    "planning_forecasts": "results of runs",
    "planning_health": "results of runs",
}
