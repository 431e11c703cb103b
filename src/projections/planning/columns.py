"""What the demand view counts, by name; apart from `days`, so that its tables need no numpy."""

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

# What is counted by reason, for adjustments and what is scrapped.
REASON_COLUMNS = ("lines", "lost", "lost_value", "found", "found_value")
