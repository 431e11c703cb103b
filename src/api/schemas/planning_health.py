"""Stock health, as answered."""

from typing import Any, Final

from pydantic import BaseModel, Field, create_model

from api.schemas.common import Decimal
from projections.planning.health.formulas import FORMULAS


class AgedStock(BaseModel):
    """Stock that came in so many days ago, first in, first out."""

    days_max: int | None = Field(description="At most so many; null: more than the limit before.")
    quantity: Decimal
    value: Decimal


def _fields() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in FORMULAS:
        if one.name.startswith("aged"):
            continue
        when = "at the end of the bucket" if one.over == "end" else "over the bucket"
        kind = int if one.unit == "count" else Decimal | None
        found[one.name] = (
            kind, Field(description=f"{one.meaning}: {one.formula}; {when}."),
        )  # fmt: skip
    return found


_DATE: Final[dict[str, Any]] = {"format": "date"}


class HealthBucketBase(BaseModel):
    """The figures of a group in one bucket of days, by UTC."""

    from_: str = Field(alias="from", json_schema_extra=_DATE, description="The first day.")
    until: str = Field(json_schema_extra=_DATE, description="The day after the last.")
    ageing: list[AgedStock]
    why: dict[str, str] = Field(description="Of each figure that is null, the reason.")


HealthBucket = create_model("HealthBucket", __base__=HealthBucketBase, **_fields())


class HealthMonth(HealthBucket):
    """A month, or a part of one, of everything, of a class, or of a site."""

    by: str = Field(description="`total`, `class` or `site`.")
    name: str = Field(description="Of the class or the site; empty for everything.")


class HealthGroup(BaseModel):
    """A site, a class, a SKU, or everything (its name is empty), over time."""

    name: str = Field(
        description="By class, `unclassified` is what the run has no class for: a SKU that it left "
        "out, say, or one that came later."
    )
    buckets: list[HealthBucket]


class LossBucket(BaseModel):
    """What was scrapped, or adjusted, for a reason, in one bucket of days."""

    from_: str = Field(alias="from", json_schema_extra=_DATE, description="The first day.")
    until: str = Field(json_schema_extra=_DATE, description="The day after the last.")
    lines: int = Field(description="How many movements.")
    lost_value: Decimal = Field(description="Scrapped, or adjusted downwards, at cost.")
    found_value: Decimal = Field(description="Adjusted upwards, at cost.")


class Loss(BaseModel):
    """Shrinkage or waste for one reason, in the buckets in which there was any."""

    type: str = Field(description="`scrap` or `adjustment`.", examples=["scrap"])
    reason: str = Field(examples=["expired"])
    buckets: list[LossBucket]


class StockHealth(BaseModel):
    """Groups in the order of their names, all of one position of the log."""

    by: str
    items: list[HealthGroup]
    losses: list[Loss] = Field(description="Of all that is asked for together, by reason.")
    left_out: list[str] = Field(
        description="SKUs whose numbers add up beyond 64 bits; nothing above includes them."
    )
    as_of_position: dict[str, int] = Field(
        description="By partition the offset of the last record this answer includes.",
        examples=[{"3": 17}],
    )


def _example() -> dict[str, Any]:
    values = {
        "issued": "40", "issued_value": "80", "unmet": "10", "average_on_hand": "87",
        "average_value": "174", "turnover": "0.45977", "turnover_per_year": "16.781609",
        "fill_rate_units": "0.8", "fill_rate_lines": "0.666667", "carrying_cost": "1.191781",
        "on_hand": "60", "value": "120", "days_of_cover": "15", "days_of_cover_value": "15",
    }  # fmt: skip
    figures = {
        one.name: values.get(one.name, 0 if one.unit == "count" else "0")
        for one in FORMULAS
        if not one.name.startswith("aged")
    }
    ageing = [
        {"days_max": 30, "quantity": "60", "value": "120"},
        {"days_max": None, "quantity": "0", "value": "0"},
    ]
    window = {"from": "2026-11-01", "until": "2026-11-11"}
    bucket: dict[str, Any] = {**window, **figures, "ageing": ageing, "why": {}}
    item = {"name": "MAIN", "buckets": [bucket]}
    lost = {**window, "lines": 2, "lost_value": "4.5", "found_value": "0"}
    losses = [{"type": "scrap", "reason": "expired", "buckets": [lost]}]
    found = {"by": "site", "items": [item], "losses": losses, "left_out": []}
    return {**found, "as_of_position": {"3": 17}}


EXAMPLE: Final = _example()
HEALTH_MONTH: Final = {"by": "class", "name": "A", **EXAMPLE["items"][0]["buckets"][0]}
