"""Alerts as answered."""

from typing import Any

from pydantic import BaseModel, Field

from api.schemas.common import Instant


class Alert(BaseModel):
    """Something worth a look."""

    id: str = Field(description="The id of the event, the same on the topic.")
    type: str = Field(examples=["stock.stock_out.v1"])
    raised_at: Instant
    active: bool = Field(description="Whether it says something that still holds.")
    ended_by: str | None = Field(description="The id of the alert that ended it.")
    data: dict[str, Any] = Field(description="As in the event of this type.")


class AlertPage(BaseModel):
    """A part of the list of alerts."""

    items: list[Alert]
    next_cursor: str | None
    as_of_position: dict[str, int] = Field(
        description="By partition the offset of the last record that alerts are made from.",
        examples=[{"3": 17}],
    )
