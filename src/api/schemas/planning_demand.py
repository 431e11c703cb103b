"""Demand by day, as answered."""

from typing import Any, Final

from pydantic import BaseModel, Field

from api.schemas.common import Decimal
from projections.planning.columns import COLUMNS

_LINES: Final = "How many movements or refusals."


class DemandDay(BaseModel):
    """What became of the SKU at a site on a day, by UTC."""

    site: str = Field(description="The first segment of the locations.", examples=["MAIN"])
    date: str = Field(json_schema_extra={"format": "date"}, examples=["2026-11-22"])
    issued: Decimal = Field(description="Went to customers.")
    issue_lines: int = Field(description=_LINES)
    issued_value: Decimal = Field(description="At the cost frozen in the movements.")
    returned: Decimal = Field(description="Came back from customers.")
    return_lines: int = Field(description=_LINES)
    unmet: Decimal = Field(description="Refused for lack of stock.")
    unmet_lines: int = Field(description=_LINES)
    received: Decimal
    received_value: Decimal
    supplier_returned: Decimal
    scrapped: Decimal
    scrapped_value: Decimal
    found: Decimal = Field(description="Adjusted upwards.")
    found_value: Decimal
    lost: Decimal = Field(description="Adjusted downwards.")
    lost_value: Decimal
    moved_in: Decimal = Field(description="From another site.")
    moved_out: Decimal
    on_hand: Decimal = Field(description="At the end of the day, by what occurred until then.")
    available: Decimal
    stock_out: bool = Field(description="Nothing available at the end of the day, or unmet demand.")


class DemandPage(BaseModel):
    """A part of the list; its pages are all of the position of the first."""

    items: list[DemandDay]
    next_cursor: str | None
    as_of_position: dict[str, int] = Field(
        description="By partition the offset of the last record this answer includes.",
        examples=[{"3": 17}],
    )


def _day(**values: Any) -> dict[str, Any]:
    none = {
        name: 0 if name.endswith("_lines") else "0" for name in COLUMNS if not name.endswith("_net")
    }
    return {"site": "MAIN", "date": "2026-11-22", **none, **values}


EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        _day(received="6", received_value="15.3", issued="2", issue_lines=1, issued_value="5.1",
             on_hand="4", available="4", stock_out=False),
        _day(date="2026-11-23", unmet="5", unmet_lines=1, on_hand="4", available="4",
             stock_out=True),
    ],
    "next_cursor": None,
    "as_of_position": {"3": 17},
}  # fmt: skip
