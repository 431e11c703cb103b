"""The columns of a run's results: what each is, and which lists show it."""

from typing import Final, Literal, NamedTuple

# count: a whole number. quantity: of goods, in the SKU's smallest unit. value: millionths of the
# currency. number: millionths of one. statistic: of goods, in smallest units, with six decimals; a
# text, because it may pass 64 bits.
Kind = Literal["text", "count", "quantity", "value", "number", "statistic"]


class Field(NamedTuple):
    """One number or word of a result row. `subjects` are the lists that show it."""

    name: str
    kind: Kind
    subjects: tuple[str, ...]
    meaning: str


_ABC, _XYZ, _VELOCITY, _HEALTH = ("abc",), ("xyz",), ("velocity",), ("slow-movers",)
_SAFETY, _ORDER = ("safety-stock",), ("replenishment",)
_LEVELS = (*_SAFETY, *_ORDER)
_EVERY = ("abc", "xyz", "velocity", "slow-movers", *_LEVELS)

FIELDS: Final[tuple[Field, ...]] = (
    Field("abc", "text", _EVERY, "Class by share of the total: A, B, C, …"),
    Field("xyz", "text", _EVERY, "Class by variation: X steady, Y varying, Z erratic or rare."),
    Field("abc_unkept", "text", _ABC, "The class that it would have without hysteresis."),
    Field("abc_before", "text", _ABC, "The class at the review before, if hysteresis keeps it."),
    Field("rank", "count", _ABC, "Place by the basis, 1 the highest; equals share it."),
    Field("share_percent", "number", _ABC, "Its share of the total of its site."),
    Field("cumulative_share_percent", "number", _ABC, "The share of all that rank before it."),
    Field("issued_value", "value", _ABC, "What left for customers in the window, at its cost."),
    Field("issued", "quantity", _ABC, "How much left for customers, if ABC is by margin."),
    Field("price", "value", _ABC, "Price of one unit, if ABC is by margin; null: not known."),
    Field("margin", "value", _ABC, "issued * price - issued_value, if ABC is by margin."),
    Field("lines", "count", (*_ABC, *_VELOCITY), "How often it was asked for in the window."),
    Field("demand", "quantity", ("abc", "xyz", "velocity"), "What was asked for in the window."),
    Field("xyz_reason", "text", _XYZ, "measured, or why nothing could be: then Z."),
    Field("pattern", "text", (*_XYZ, *_SAFETY), "smooth, erratic, intermittent, lumpy, no_demand."),
    Field("buckets", "count", _XYZ, "Whole buckets of the window whose demand is known."),
    Field("demand_buckets", "count", _XYZ, "Those of them with demand."),
    Field("mean", "statistic", _XYZ, "Mean demand of a bucket."),
    Field("deviation", "statistic", _XYZ, "Standard deviation of it, of a sample."),
    Field("cv", "number", _XYZ, "Coefficient of variation: deviation by mean."),
    Field("interval", "number", _XYZ, "Buckets from one with demand to the next, on average."),
    Field("size_cv_squared", "number", _XYZ, "Squared CV of the sizes of demand."),
    Field("velocity", "text", _VELOCITY, "fast, medium, slow, dead or new."),
    Field("lines_per_month", "number", _VELOCITY, "How often in 30 days."),
    Field("days_since_demand", "count", _VELOCITY, "Days since it was asked for; null: never."),
    Field(
        "selling_days",
        "count",
        _XYZ,
        "Open days of the window since its first movement or refusal for lack of stock.",
    ),
    Field("stock_out_days", "count", _XYZ, "Those of them on which it was out of stock."),
    Field("method", "text", _SAFETY, "How the safety stock is computed."),
    Field("policy_source", "text", _SAFETY, "What decided the policy: cell, dead or sku."),
    Field("service_level", "number", _SAFETY, "The service level asked for."),
    Field("safety_factor", "number", _SAFETY, "Standard deviations held against it."),
    Field("cover_days", "number", _SAFETY, "Days of cover asked for."),
    Field("buffer_days", "number", _SAFETY, "Days of the disruption buffer."),
    Field("review_days", "number", _SAFETY, "Days between two looks at the position."),
    Field("daily_mean", "statistic", _SAFETY, "Mean demand of an open day."),
    Field("daily_deviation", "statistic", _SAFETY, "Standard deviation of it."),
    Field("history_days", "count", _SAFETY, "Days that both are taken from."),
    Field("demand_reason", "text", _SAFETY, "measured, no_history, one_day or no_demand."),
    Field("lead_time_days", "number", _SAFETY, "Lead time, in days of the calendar."),
    Field("lead_time_deviation_days", "number", _SAFETY, "Standard deviation of it."),
    Field("lead_time_source", "text", _SAFETY, "sku_and_supplier, supplier, agreed or default."),
    Field("lead_time_orders", "count", _SAFETY, "Supply orders that it was observed on."),
    Field("protected_days", "number", _SAFETY, "Open days in lead time and review period."),
    Field("expected", "statistic", _SAFETY, "Mean demand over them."),
    Field("spread", "statistic", _SAFETY, "Standard deviation of demand over them."),
    Field("quantile", "statistic", _SAFETY, "Quantile of demand over them, by the bootstrap."),
    Field("buffer", "statistic", _SAFETY, "The disruption buffer."),
    Field("safety_stock_exact", "statistic", _SAFETY, "Safety stock before it is rounded up."),
    Field("safety_stock", "quantity", _SAFETY, "What is held against demand above its mean."),
    Field("reorder_point", "quantity", _LEVELS, "Expected demand and safety stock together."),
    Field("policy", "text", _ORDER, "How it is replenished."),
    Field("supplier", "text", _ORDER, "The supplier it is ordered from."),
    Field("annual_demand", "statistic", _ORDER, "Demand a year, at the mean of the window."),
    Field("unit_cost", "value", _ORDER, "Cost of one unit."),
    Field(
        "cost_source",
        "text",
        _ORDER,
        "item (its standard cost), or the average of stock, "
        "received_in_window, received, issued_in_window or issued; or none.",
    ),
    Field("pack", "quantity", _ORDER, "What the supplier delivers multiples of."),
    Field("minimum_order", "quantity", _ORDER, "The least that the supplier delivers."),
    Field("order_quantity_exact", "statistic", _ORDER, "Economic order quantity before packs."),
    Field("order_basis", "text", _ORDER, "economic, days_without_cost, days_max or no_demand."),
    Field("order_quantity", "quantity", _ORDER, "How much to order at a time."),
    Field("order_at", "quantity", _ORDER, "Its policy orders at or below this position."),
    Field("order_up_to", "quantity", _ORDER, "Its policy orders up to this position."),
    Field("on_hand", "quantity", (*_ORDER, *_HEALTH), "On hand at the end of `as_of`."),
    Field("on_hand_value", "value", _HEALTH, "What that is worth, at cost."),
    Field("on_order", "quantity", _ORDER, "Ordered and not received."),
    Field(
        "inventory_position", "quantity", _ORDER, "Available at the end of `as_of`, and on_order."
    ),
    Field("needed", "quantity", _ORDER, "What the policy asks for."),
    Field("in_packs", "quantity", _ORDER, "The same in whole packs, at least the minimum."),
    Field("shelf_life_limit", "quantity", _ORDER, "What is used up before it expires."),
    Field("proposal", "quantity", _ORDER, "What to order now."),
    Field("proposal_value", "value", _ORDER, "What that costs."),
    Field("proposal_reason", "text", _ORDER, "Why, as a word; `reason_text` says it in full."),
    Field("turnover_per_year", "number", _HEALTH, "How often stock is turned over in a year."),
    Field("days_of_cover", "number", _HEALTH, "Days that it lasts at the recent demand."),
    Field("fill_rate_units", "number", _HEALTH, "Share of units asked for that were served."),
    Field("excess", "quantity", _HEALTH, "What covers more than `excess_cover_days`."),
    Field("excess_value", "value", _HEALTH, "What that is worth."),
    Field("slow", "count", _HEALTH, "1 if it covers more than `slow_cover_days`, else 0."),
    Field("carrying_cost", "value", _HEALTH, "What holding it cost over the window."),
)
