"""What each figure of stock health means, how it is computed, and who says so."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["quantity", "value", "ratio", "days", "count", "units"]


@dataclass(frozen=True, slots=True)
class Formula:
    """One figure: `over` says whether it holds over a bucket or at the end of its last day.

    Units: a quantity is an integer at the item's scale, a value is in millionths of the currency;
    a ratio, a number of days and a number of units have six decimals and are stored as millionths;
    a count is a plain integer.
    """

    name: str
    meaning: str
    formula: str
    unit: Unit
    over: Literal["bucket", "end"]
    source: str


_LEDGER = "sum of movements"
_SILVER = "Silver, Pyke, Thomas: Inventory and Production Management in Supply Chains, 2017"
_CHOPRA = "Chopra, Meindl: Supply Chain Management, 2016, ch. 3"
_AXSATER = "Axsäter: Inventory Control, 2015, sec. 5.3"
_RETAIL = "ECR Europe, Beck: Automatic Product Identification and Shrinkage, 2002"
_FIFO = "first in, first out; IAS 2, par. 27"

FORMULAS: tuple[Formula, ...] = (
    Formula("issued", "went to customers", "Σ issued", "quantity", "bucket", _LEDGER),
    Formula("issued_value", "at the cost frozen in the movements", "Σ issued value", "value",
            "bucket", _LEDGER),
    Formula("unmet", "asked for and refused for lack of stock", "Σ unmet", "quantity", "bucket",
            _LEDGER),
    Formula("scrapped_value", "destroyed, at cost", "Σ scrapped value", "value", "bucket", _LEDGER),
    Formula("lost_value", "adjusted downwards, at cost", "Σ lost value", "value", "bucket",
            _LEDGER),
    Formula("found_value", "adjusted upwards, at cost", "Σ found value", "value", "bucket",
            _LEDGER),
    Formula("average_on_hand", "mean of on hand at the end of each day",
            "Σ on hand at each day's end / days", "units", "bucket", _CHOPRA),
    Formula("average_value", "mean of stock value at the end of each day",
            "Σ value at each day's end / days", "value", "bucket", _CHOPRA),
    Formula("turnover", "how often stock was turned over in the bucket",
            "issued value / average value", "ratio", "bucket", _CHOPRA),
    Formula("turnover_per_year", "the same for a year of 365 days",
            "turnover · 365 / days", "ratio", "bucket", _CHOPRA),
    Formula("fill_rate_units", "share of units asked for that were served",
            "issued / (issued + unmet)", "ratio", "bucket", _AXSATER),
    Formula("fill_rate_lines", "share of lines asked for that were served",
            "issue lines / (issue lines + unmet lines)", "ratio", "bucket", _AXSATER),
    Formula("carrying_cost", "cost of holding the stock", "rate · average value · days / 365",
            "value", "bucket", _SILVER),
    Formula("shrinkage_value", "lost less found, at cost", "lost value - found value", "value",
            "bucket", _RETAIL),
    Formula("shrinkage_rate", "shrinkage against what was issued",
            "shrinkage value / issued value", "ratio", "bucket", _RETAIL),
    Formula("waste_rate", "scrap against what was issued", "scrapped value / issued value",
            "ratio", "bucket", _RETAIL),
    Formula("on_hand", "on hand", "Σ changes of real accounts", "quantity", "end", _LEDGER),
    Formula("value", "stock value", "Σ changes of value", "value", "end", _LEDGER),
    Formula("days_of_cover", "how long on hand lasts at the demand of late",
            "max(on hand, 0) · demand days / issued in these days", "days", "end", _SILVER),
    Formula("days_of_cover_value", "the same by value, for what has no common unit",
            "max(value, 0) · demand days / issued value in these days", "days", "end", _SILVER),
    Formula("excess", "more than the stated cover",
            "max(on hand - issued · excess cover days / demand days, 0)", "quantity", "end",
            _SILVER),
    Formula("excess_value", "its share of the value", "value · excess / on hand", "value", "end",
            _SILVER),
    Formula("slow", "1 where cover is beyond the slow mover's limit, or nothing was issued",
            "on hand · demand days > issued · slow cover days", "count", "end", _SILVER),
    Formula("slow_value", "value of slow movers", "Σ value of the slow", "value", "end", _SILVER),
    Formula("unjudged", "1 where it is known for less than the demand days, so neither slow nor "
            "in excess", "days since the first movement or refusal < demand days", "count", "end",
            _LEDGER),
    Formula("aged", "on hand by age, one number a limit and one beyond",
            "min(inflows of the last day and the a days before it, on hand)", "quantity", "end",
            _FIFO),
    Formula("aged_value", "value by age, in proportion to quantity",
            "value · aged / on hand, cumulatively", "value", "end", _FIFO),
)  # fmt: skip
