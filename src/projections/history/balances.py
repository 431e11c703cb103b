"""What the stock keys of SKUs held at a moment, and what it was worth.

Without checkpoints a balance is the sum over all movements that count. Where a SKU has blocks, it
is the sums in front of a few slices, parts of these slices, and less than a block
of movements behind the last block that the moment covers; so it costs the same however long the
history is. Movements that came in since the last blocks were made are summed one by one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import bindparam, text

from projections.checkpoints import VIEW_GROUP
from projections.database import ReadConnection, storable
from projections.history.moments import Moment
from projections.history.tables import HISTORY_GROUP

# Location, lot (the empty text where there is none) and status.
StockKey = tuple[str, str, str]

# Of these those without blocks are summed in one question.
SKUS_AT_A_TIME: Final = 500
# Behind every instant at which a movement can have occurred.
OCCURRED_END_US: Final = 2**63 - 1
_HALF: Final = 1 << 32

_decode = msgspec.json.Decoder(list[StockKey]).decode


class Balances(NamedTuple):
    """What a SKU had: quantities scaled by `scale`, `value` in millionths of the currency.

    `keys` has every stock key with something left, and perhaps some where zero is left. A balance
    may be negative where the moment asks by occurrence.
    """

    partition: int
    scale: int
    value: int
    keys: dict[StockKey, int]

    @property
    def on_hand(self) -> int:
        """All stock keys together."""
        return sum(self.keys.values())


class Known(NamedTuple):
    """A SKU that ever moved, and how many blocks of level 0 there are of it."""

    sku: str
    partition: int
    scale: int
    blocks: int
    accounts: str


class Rest(NamedTuple):
    """Movements of a SKU that no block covers: offsets above `after` (and not recorded earlier than
    its record), and recorded up to `recorded_until_ms`, where that is known."""

    sku: str
    partition: int
    after: int = -1
    recorded_from_ms: int | None = None
    recorded_until_ms: int | None = None


async def balances_at(
    reader: ReadConnection, skus: Sequence[str], moment: Moment
) -> dict[str, Balances]:
    """The balances of these SKUs by SKU. One that never moved is missing."""
    found: dict[str, Balances] = {}
    asked = [sku for sku in skus if storable(sku)]
    for start in range(0, len(asked), SKUS_AT_A_TIME):
        some = asked[start : start + SKUS_AT_A_TIME]
        known = await known_of(reader, some)
        for one in known:
            found[one.sku] = Balances(one.partition, one.scale, 0, {})
        rests = [
            await _add_blocks(reader, one, moment, found)
            for one in known
            if moment.until.get(one.partition, 0) > 0
        ]
        await _add_rests(reader, rests, moment, found)
    return found


# SKUs that ever moved, with the blocks there are of them. Blocks of another ledger may lie there
# for as long as nobody has taken them away.
_KNOWN: Final = text(f"""
SELECT totals.sku, totals.partition, totals.scale, COALESCE(made.blocks, 0) AS blocks,
    COALESCE(made.accounts, '[]') AS accounts
FROM sku_totals AS totals
LEFT JOIN view_positions AS core
    ON core.view_group = '{VIEW_GROUP}' AND core.partition = totals.partition
LEFT JOIN view_positions AS mine ON mine.view_group = '{HISTORY_GROUP}'
    AND mine.partition = totals.partition AND mine.ledger_id = core.ledger_id
LEFT JOIN history_skus AS made ON made.sku = totals.sku AND made.partition = mine.partition
WHERE totals.sku IN :skus
""").bindparams(bindparam("skus", expanding=True))  # noqa: S608 - names of this package alone


async def known_of(reader: ReadConnection, skus: Sequence[str]) -> list[Known]:
    """What there is of these SKUs; those that never moved are missing."""
    return [Known(**row) for row in await reader.all(_KNOWN, {"skus": list(skus)})]


async def _add_blocks(
    reader: ReadConnection, known: Known, moment: Moment, found: dict[str, Balances]
) -> Rest:
    """Add what the blocks say that lie wholly in the moment; what is left to sum."""
    if not known.blocks:
        return Rest(known.sku, known.partition)
    covered, rest = await covered_by(reader, known, moment.until[known.partition])
    if not covered:
        return rest
    # It brings numpy, which a server needs only when somebody asks for the past of much.
    from projections.history import blocks

    rows = await reader.all(
        text(slices_before(blocks.parts(covered), moment.before)), {"sku": known.sku}
    )
    sums = blocks.Sums()
    blocks.sum_up([(row["sums"], row["entries"]) for row in rows], moment.before, sums)
    accounts = _decode(known.accounts)
    before = found[known.sku]
    found[known.sku] = before._replace(
        value=sums.value, keys={accounts[key]: amount for key, amount in sums.keys.items()}
    )
    return rest


async def covered_by(reader: ReadConnection, known: Known, until: int) -> tuple[int, Rest]:
    """How many blocks of level 0 end before this offset, and what is left then."""
    covered, rest = 0, Rest(known.sku, known.partition)
    for row in await reader.all(_COVERED, {"sku": known.sku, "until": until}):
        if row["last_offset"] < until:
            covered = row["number"] + 1
            rest = rest._replace(after=row["last_offset"], recorded_from_ms=row["last_recorded_ms"])
        else:
            rest = rest._replace(recorded_until_ms=row["last_recorded_ms"])
    return covered, rest


# The last block that ends before an offset, and the one behind it.
_COVERED: Final = text("""
SELECT number, last_offset, last_recorded_ms FROM (
    SELECT COALESCE((
        SELECT number FROM history_blocks WHERE sku = :sku AND last_offset < :until
        ORDER BY last_offset DESC LIMIT 1
    ), -1) AS last
) AS newest JOIN history_blocks ON sku = :sku AND number BETWEEN last AND last + 1 ORDER BY number
""")


def slices_before(
    parts: Iterable[tuple[int, int]], before: tuple[int, int] | None, count: int = 1
) -> str:
    """The query for the last slices of each of these blocks that begin before the bound."""
    values = ", ".join(f"({level:d}, {number:d})" for level, number in parts)
    instant, offset = before or (OCCURRED_END_US, 0)
    return f"""
WITH wanted (level, number) AS (VALUES {values}), newest AS (
    SELECT level, number, (
        SELECT one.slice FROM history_slices AS one
        WHERE one.sku = :sku AND one.level = wanted.level AND one.number = wanted.number
            AND (one.first_occurred_us, one.first_offset) < ({instant:d}, {offset:d})
        ORDER BY one.first_occurred_us DESC, one.first_offset DESC LIMIT 1
    ) AS last FROM wanted
)
SELECT found.sums, found.entries FROM newest JOIN history_slices AS found
    ON found.sku = :sku AND found.level = newest.level AND found.number = newest.number
    AND found.slice BETWEEN newest.last - {count - 1:d} AND newest.last"""  # noqa: S608


async def _add_rests(
    reader: ReadConnection,
    rests: Sequence[Rest],
    moment: Moment,
    found: dict[str, Balances],
) -> None:
    """Add the movements one by one; those of SKUs without blocks in one question."""
    whole: dict[int, list[str]] = {}
    for rest in rests:
        if rest.after < 0 and rest.recorded_until_ms is None:
            whole.setdefault(rest.partition, []).append(rest.sku)
        else:
            condition = f"sku = :sku AND {within(rest, moment.until[rest.partition])}"
            await _add_rest(reader, condition, {"sku": rest.sku}, moment, found)
    for partition, skus in whole.items():
        until = f"log_offset < {moment.until[partition]:d}"
        await _add_rest(reader, f"sku IN :skus AND {until}", {"skus": skus}, moment, found)


async def _add_rest(
    reader: ReadConnection,
    condition: str,
    names: dict[str, Any],
    moment: Moment,
    found: dict[str, Balances],
) -> None:
    if moment.before is not None:
        instant, offset = moment.before
        condition += f" AND (occurred_us, log_offset) < ({instant:d}, {offset:d})"
    query = text(_SUMMED.format(condition))
    if "skus" in names:
        query = query.bindparams(bindparam("skus", expanding=True))
    for row in await reader.all(query, names):
        amount = int(row["high"]) * _HALF + int(row["low"])
        balances = found[row["sku"]]
        if row["status"] == "":
            found[row["sku"]] = balances._replace(value=balances.value + amount)
        else:
            key = row["account"], row["lot"], row["status"]
            balances.keys[key] = balances.keys.get(key, 0) + amount


def within(rest: Rest, until: int) -> str:
    """The movements behind the blocks. What is said of recording follows from the offsets; it is
    what the index can use."""
    found = f"log_offset > {rest.after:d} AND log_offset < {until:d}"
    if rest.recorded_from_ms is not None:
        found += f" AND recorded_ms >= {rest.recorded_from_ms:d}"
    if rest.recorded_until_ms is not None:
        found += f" AND recorded_ms <= {rest.recorded_until_ms:d}"
    return found


# Balances of stock keys by SKU, in halves; the value has no status. Both quotients round towards
# zero on both databases, so that the halves have the amount's sign, and no sum leaves 64 bits.
_SUMMED: Final = f"""
SELECT sku, account, lot, status, sum(amount / {_HALF}) AS high, sum(amount % {_HALF}) AS low
FROM (
    SELECT sku, CASE side WHEN -1 THEN source WHEN 1 THEN target ELSE '' END AS account,
        CASE side WHEN 0 THEN '' ELSE COALESCE(lot, '') END AS lot,
        CASE side WHEN -1 THEN source_status WHEN 1 THEN target_status ELSE '' END AS status,
        CASE side WHEN -1 THEN -quantity WHEN 1 THEN quantity
            ELSE CASE WHEN source_status IS NULL THEN value ELSE -value END END AS amount
    FROM movements CROSS JOIN (SELECT -1 AS side UNION ALL SELECT 0 UNION ALL SELECT 1) AS sides
    WHERE {{}} AND CASE side WHEN -1 THEN source_status IS NOT NULL
        WHEN 1 THEN target_status IS NOT NULL
        ELSE (source_status IS NULL) <> (target_status IS NULL) END
) AS legs GROUP BY sku, account, lot, status"""  # noqa: S608 - numbers of this file alone
