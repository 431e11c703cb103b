"""The query parameters of planning, as documented."""

from typing import Any, Final

from api.operations import Parameter
from api.queries import Query
from ledger.domain import codes
from projections.planning.forecasting.options import EXTRA, OURS

WAIT_SECONDS_MAX: Final = 60

RUN: Final = Parameter(
    "run",
    "Of this run. Without it, of the published one that was done last, or if none was published, "
    "of the one that was done last; with a `cursor`, of the same as the page before.",
    {"type": "string", "minLength": 1, "maxLength": codes.ID_LENGTH_MAX},
    "019aa9a5-30c0-7b0e-9d3c-5d1f0c6b8a42",
)
RUN_OF_PATH: Final = Parameter(
    "id",
    "The run.",
    {"type": "string", "minLength": 1, "maxLength": codes.ID_LENGTH_MAX, "pattern": "^[^/]+$"},
    "019aa9a5-30c0-7b0e-9d3c-5d1f0c6b8a42",
    location="path",
    required=True,
)
SITE: Final = Parameter(
    "site",
    "Of this site. A run of all sites as one has no sites.",
    {"type": "string", "minLength": 1, "maxLength": codes.LOCATION_LENGTH_MAX},
    "MAIN",
)
STATE: Final = Parameter(
    "state", "In this state.", {"type": "string", "enum": ["running", "done", "failed"]}
)
WAIT: Final = Parameter(
    "wait",
    "Seconds to wait for the run to end; 201 if it does, else 202.",
    {"type": "integer", "minimum": 0, "maximum": WAIT_SECONDS_MAX, "default": 0},
)


def words(name: str, description: str, allowed: tuple[str, ...]) -> Parameter:
    """A filter by one of a few words."""
    return Parameter(name, description, {"type": "string", "enum": list(allowed)}, allowed[0])


ABC: Final = words("class", "Of this ABC class.", ("A", "B", "C", "D", "E"))
XYZ: Final = words("xyz", "Of this XYZ class.", ("X", "Y", "Z"))
PATTERN: Final = words(
    "pattern", "Of this pattern.", ("smooth", "erratic", "intermittent", "lumpy", "no_demand")
)
VELOCITY: Final = words("velocity", "Of this velocity.", ("fast", "medium", "slow", "dead", "new"))
METHOD: Final = words(
    "method", "By this method.",
    ("none", "cycle_service", "fill_rate", "empirical", "days_of_cover", "just_in_time"),
)  # fmt: skip
POLICY: Final = words(
    "policy", "By this policy.", ("none", "s_q", "s_S", "min_max", "periodic", "base_stock")
)
SUPPLIER: Final = Parameter(
    "supplier",
    "Ordered from this supplier.",
    {"type": "string", "minLength": 1, "maxLength": codes.SKU_LENGTH_MAX},
    "ACME",
)
REASON: Final = words(
    "reason", "With this reason; `ordered` are those that something is proposed for.",
    (
        "no_policy", "above_reorder_point", "not_reviewed_today", "at_order_up_to_level",
        "ordered", "shelf_life_too_short",
    ),
)  # fmt: skip
MODEL: Final = words("model", "Forecast by this model.", (*OURS, *EXTRA))
TYPE: Final = words(
    "type",
    "Events of this type.",
    ("planning.class_changed.v1", "planning.reorder_point_changed.v1"),
)
# The column that each filter looks at, where the name is another.
COLUMNS: Final = {"class": "abc", "reason": "proposal_reason"}


def chosen(query: Query, filters: tuple[Parameter, ...]) -> dict[str, str]:
    """The values of those filters that are given, by column. Raises ValueError with the name."""
    found: dict[str, str] = {}
    for one in filters:
        value = query.get(one.name)
        if value is None:
            continue
        allowed: Any = one.schema.get("enum")
        if allowed is not None and value not in allowed:
            raise ValueError(f"{one.name} is one of {', '.join(allowed)}")
        if allowed is None and codes.check_sku(value) is not None:
            raise ValueError(f"{one.name} is a short printable text")
        found[COLUMNS.get(one.name, one.name)] = value
    return found
