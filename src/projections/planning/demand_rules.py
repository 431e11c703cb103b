"""The rules of the demand view, as one statement that the database works out by itself.

Every movement is looked at from both ends: a **leg** is what it does at the site of its source,
or at that of its target. The site is the first segment of the location, the day the UTC day on
which the movement occurred (of a refusal: was recorded, for it has no other time).

- What leaves a location to @customer is issued: picks without `to_location`, and issues. A transfer
  or a pick to a staging place is no demand; between two sites it is `moved_out` and `moved_in`.
- What comes from @customer is returned, also where it is scrapped at once (it was never on hand);
  the site is then that of the location in the command.
- A pick or an issue refused as `insufficient_stock` is unmet, at the location that was asked for. A
  pick counts whether or not it would have gone to a staging place: it is made for a customer.
- Adjustments are found or lost by their sign. What is scrapped left a location to @scrap.
- Values are those frozen in the movements. `value_net` moves between sites at that value too, so
  that its sum over all sites is the stock's value; for one site alone it is only what went by.
- A reversal takes everything that happened off again, at the day, site and value of the movement
  that it undoes. The nets move on the reversal's own day, by its own value.
- What changes no column, as a transfer inside a site, leaves no row.

A leg with a number of at least `LARGE` is split in two: the rest by `LARGE_UNIT` goes into the row
of power 0, the whole units of it into the row of power 9. So no sum can leave 64 bits before nine
million such legs meet on one day, and until then nothing is rounded, clamped or refused.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from projections.planning.columns import REASON_COLUMNS

DAY_US: Final = 86_400_000_000
LARGE: Final = 10**12
LARGE_POWER: Final = 9
LARGE_UNIT: Final = 10**LARGE_POWER
# Of longer slices the records of a few SKUs are looked for by SKU, not by offset.
BY_OFFSET_MAX: Final = 2_000

# What a leg is, by number: a comparison of numbers costs less than one of words.
_ISSUED, _RETURNED, _RECEIVED, _SUPPLIER_RETURNED, _SCRAPPED = 1, 2, 3, 4, 5
_FOUND, _LOST, _MOVED_IN, _MOVED_OUT, _UNMET = 6, 7, 8, 9, 10

_HAPPENED: Final = {
    "issued": (_ISSUED, "quantity"),
    "issue_lines": (_ISSUED, "line"),
    "issued_value": (_ISSUED, "value"),
    "returned": (_RETURNED, "quantity"),
    "return_lines": (_RETURNED, "line"),
    "unmet": (_UNMET, "quantity"),
    "unmet_lines": (_UNMET, "line"),
    "received": (_RECEIVED, "quantity"),
    "received_value": (_RECEIVED, "value"),
    "supplier_returned": (_SUPPLIER_RETURNED, "quantity"),
    "scrapped": (_SCRAPPED, "quantity"),
    "scrapped_value": (_SCRAPPED, "value"),
    "found": (_FOUND, "quantity"),
    "found_value": (_FOUND, "value"),
    "lost": (_LOST, "quantity"),
    "lost_value": (_LOST, "value"),
    "moved_in": (_MOVED_IN, "quantity"),
    "moved_out": (_MOVED_OUT, "quantity"),
}
_NETS: Final = {
    "on_hand_net": ("net <> 0", "quantity"),
    "available_net": ("net <> 0 AND available", "quantity"),
    "value_net": ("net <> 0", "value"),
}
# What each column measures: "quantity" in units of the scale, "value" in millionths, or "line".
MEASURES: Final = {name: what for name, (_, what) in (_HAPPENED | _NETS).items()}
_KINDS_BY_REASON: Final = {
    "lines": (f"kind IN ({_SCRAPPED}, {_LOST}, {_FOUND})", "line"),
    "lost": (f"kind IN ({_SCRAPPED}, {_LOST})", "quantity"),
    "lost_value": (f"kind IN ({_SCRAPPED}, {_LOST})", "value"),
    "found": (f"kind = {_FOUND}", "quantity"),
    "found_value": (f"kind = {_FOUND}", "value"),
}

# What has a reason goes to one of these accounts or comes from it, and so does its reversal. Most
# movements do neither, and are told apart before anything is worked out about them.
_WITH_REASON: Final = (
    "(m.source IN ('@scrap', '@adjustment') OR m.target IN ('@scrap', '@adjustment'))"
)

REASON_MEASURES: Final = {name: what for name, (_, what) in _KINDS_BY_REASON.items()}

KEY: Final = ("sku", "site", "day", "scale", "power")
REASON_KEY: Final = (*KEY, "type", "reason")


class Dialect(NamedTuple):
    """How a database says what the standard does not: templates with `{}` for an expression."""

    site: str
    location_in_command: str
    fraction: str
    whole: str
    total: str


# A path without a slash is its own site. Of a decimal, `fraction` are the digits behind the point
# that are not zeros at its end; they say the scale of a refused quantity by themselves.
POSTGRES: Final = Dialect(
    site="split_part({}, '/', 1)",
    location_in_command="({}::json ->> 'location')",
    fraction="rtrim(split_part({}, '.', 2), '0')",
    whole="split_part({}, '.', 1)",
    total="{}::bigint",
)
SQLITE: Final = Dialect(
    site="substr({0}, 1, instr({0} || '/', '/') - 1)",
    location_in_command="json_extract({}, '$.location')",
    fraction="rtrim(substr({0}, instr({0} || '.', '.') + 1), '0')",
    whole="substr({0}, 1, instr({0} || '.', '.') - 1)",
    total="{}",
)


class Slice(NamedTuple):
    """The records of a partition with `first` <= offset < `until`.

    `skus` may be a list of parameters such as `:a, :b`; then it is only records of these SKUs.
    """

    partition: int
    first: int
    until: int
    skus: str = ""


def by_day(dialect: Dialect, part: Slice, columns: Iterable[str], condition: str = "TRUE") -> str:
    """The query for rows of KEY, `entries`, and the columns, NULL where there is nothing.

    `entries` counts legs, so that it is 0 exactly where nothing ever was. `condition` may speak of
    `site` and `day`, with parameters.
    """
    legs = f"{_legs(dialect, part)} UNION ALL {_refusals(dialect, part)}"
    sums = ["count(*) FILTER (WHERE power = 0) AS entries"]
    sums += [_sum(dialect, name) for name in columns]
    return _grouped(legs, KEY, sums, condition)


def by_reason(dialect: Dialect, part: Slice, condition: str = "TRUE") -> str:
    """The query for rows of REASON_KEY, `entries`, and REASON_COLUMNS."""
    sums = ["count(*) FILTER (WHERE power = 0) AS entries"]
    for name in REASON_COLUMNS:
        which, what = _KINDS_BY_REASON[name]
        total = dialect.total.format(f"sum(happened * {what}) FILTER (WHERE {which})")
        sums.append(f"{total} AS {name}")
    condition = f"kind IN ({_SCRAPPED}, {_FOUND}, {_LOST}) AND {condition}"
    return _grouped(_legs(dialect, part, _WITH_REASON), REASON_KEY, sums, condition)


def _sum(dialect: Dialect, name: str) -> str:
    if name in _NETS:
        which, what = _NETS[name]
        total = f"sum(net * {what}) FILTER (WHERE {which})"
    else:
        kind, what = _HAPPENED[name]
        total = f"sum(happened * {what}) FILTER (WHERE kind = {kind})"
    return f"{dialect.total.format(total)} AS {name}"


def _grouped(legs: str, key: Sequence[str], sums: Sequence[str], condition: str) -> str:
    """Group the legs, those with large numbers in their two parts.

    The outer join is an inner one in all but this: PostgreSQL works out the legs once for it, where
    of two tables it may as well begin with the two powers, and work out all legs for each of them.
    """
    large = f"(quantity >= {LARGE} OR value >= {LARGE})"

    def part(name: str) -> str:
        return (
            f"CASE WHEN NOT {large} THEN {name} WHEN power = 0 THEN {name} % {LARGE_UNIT}"
            f" ELSE {name} / {LARGE_UNIT} END AS {name}"
        )

    return f"""
SELECT {", ".join(key)}, {", ".join(sums)} FROM (
    SELECT sku, site, day, scale, power, {part("quantity")}, {part("value")}, happened, net,
        CASE power WHEN 0 THEN 1 ELSE 0 END AS line, kind, available, reason,
        CASE kind WHEN {_SCRAPPED} THEN 'scrap' ELSE 'adjustment' END AS type
    FROM ({legs}) AS legs
    LEFT JOIN (SELECT 0 AS power UNION ALL SELECT {LARGE_POWER}) AS powers ON power = 0 OR {large}
    WHERE (kind <> 0 OR net <> 0) AND {condition}
) AS parts GROUP BY {", ".join(key)}"""  # noqa: S608 - numbers and names of this file alone


def _legs(dialect: Dialect, part: Slice, only: str = "TRUE") -> str:
    return f"""
SELECT sku, scale, day, quantity, value, reason, happened,
    CASE WHEN side < 0 THEN source_site WHEN target_status IS NOT NULL THEN target_site
        ELSE {dialect.site.format(dialect.location_in_command.format("command"))} END AS site,
    CASE WHEN side < 0 THEN -changed WHEN target_status IS NULL THEN 0 ELSE changed END AS net,
    CASE WHEN side < 0 THEN source_status = 'available'
        ELSE target_status IS NOT NULL AND target_status = 'available' END AS available,
    CASE WHEN happened = 0 THEN 0 WHEN side < 0 THEN
        CASE WHEN target_status IS NOT NULL THEN
            CASE WHEN source_site = target_site THEN 0 ELSE {_MOVED_OUT} END
        ELSE CASE target WHEN '@customer' THEN {_ISSUED} WHEN '@supplier' THEN {_SUPPLIER_RETURNED}
            WHEN '@scrap' THEN {_SCRAPPED} WHEN '@adjustment' THEN {_LOST} ELSE 0 END END
    ELSE CASE WHEN source_status IS NOT NULL THEN
            CASE WHEN source_site = target_site THEN 0 ELSE {_MOVED_IN} END
        ELSE CASE source WHEN '@customer' THEN {_RETURNED} WHEN '@supplier' THEN {_RECEIVED}
            WHEN '@adjustment' THEN {_FOUND} ELSE 0 END END
    END AS kind
FROM ({_effects(dialect, part, only)}) AS effects
CROSS JOIN (SELECT -1 AS side UNION ALL SELECT 1) AS sides
WHERE CASE WHEN side < 0 THEN source_status IS NOT NULL
        ELSE target_status IS NOT NULL OR source = '@customer' END
    AND NOT (source_status IS NOT NULL AND target_status IS NOT NULL
        AND source_site = target_site
        AND (source_status = 'available') = (target_status = 'available'))"""  # noqa: S608


def _effects(dialect: Dialect, part: Slice, only: str) -> str:
    """Movements, and once more those that are undone: `happened` is then -1.

    `changed` is 1 where balances move: a reversal moves them and is nothing that happened.
    """

    def columns(of: str) -> str:
        return f"""{of}.sku, {of}.scale, {_day(f"{of}.occurred_us", DAY_US)} AS day,
    {of}.quantity, {of}.value, {of}.reason, {of}.source, {of}.source_status, {of}.target,
    {of}.target_status, {of}.command, {dialect.site.format(f"{of}.source")} AS source_site,
    {dialect.site.format(f"{of}.target")} AS target_site"""

    return f"""
SELECT {columns("m")}, CASE WHEN m.reverses_offset IS NULL THEN 1 ELSE 0 END AS happened,
    1 AS changed
FROM movements AS m WHERE {_in(dialect, part, "m")} AND {only}
UNION ALL
SELECT {columns("undone")}, -1 AS happened, 0 AS changed
FROM movements AS m JOIN movements AS undone
    ON undone.partition = m.partition AND undone.log_offset = m.reverses_offset
WHERE {_in(dialect, part, "m")} AND {only} AND m.reverses_offset IS NOT NULL"""  # noqa: S608


def _refusals(dialect: Dialect, part: Slice) -> str:
    """Refusals as legs: what was asked for and not there."""
    fraction, whole = dialect.fraction.format("r.quantity"), dialect.whole.format("r.quantity")
    return f"""
SELECT r.sku, length({fraction}) AS scale, {_day("r.recorded_ms", DAY_US // 1000)} AS day,
    CAST({whole} || {fraction} AS bigint) AS quantity, 0 AS value, NULL AS reason, 1 AS happened,
    {dialect.site.format("r.location")} AS site, 0 AS net, FALSE AS available, {_UNMET} AS kind
FROM refusals AS r
WHERE {_in(dialect, part, "r")} AND r.code = 'insufficient_stock' AND r.type IN ('pick', 'issue')
    AND r.quantity IS NOT NULL AND r.location IS NOT NULL"""  # noqa: S608


def _in(dialect: Dialect, part: Slice, name: str) -> str:
    # SQLite knows nothing of how much lies where. A plus keeps it from the index on offsets where
    # that on SKUs leads to less.
    by_sku = part.skus and dialect is SQLITE and part.until - part.first > BY_OFFSET_MAX
    plus = "+" if by_sku else ""
    found = (
        f"{plus}{name}.partition = {part.partition:d} AND {plus}{name}.log_offset >= {part.first:d}"
        f" AND {plus}{name}.log_offset < {part.until:d}"
    )
    return f"{found} AND {name}.sku IN ({part.skus})" if part.skus else found


def _day(time: str, units: int) -> str:
    """Rounded down, also before 1970; both databases round quotients towards zero."""
    return f"(({time} - (({time} % {units}) + {units}) % {units}) / {units})"
