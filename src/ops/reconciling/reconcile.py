"""One reconciliation: the statement, the ledger at the same moment, and what is between them."""

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from ops.console import CommandError
from ops.reconciling.compare import (
    GOOD,
    Row,
    Tolerance,
    Unreadable,
    after_adjusting,
    compare,
    total,
)
from ops.reconciling.keys import Key, Level, Leveller, StockKey
from ops.reconciling.ours import (
    Adjusted,
    Scope,
    Witness,
    earlier_adjustments,
    holdings,
    is_before_all,
    scales,
    skus_moved,
    stock_at,
    stock_now,
    witness,
)
from ops.reconciling.proposals import (
    Adjustment,
    Holding,
    Policy,
    Unproposed,
    held_by_key,
    propose,
    target_of,
)
from ops.reconciling.statement import Statement, Terms
from projections.database import ReadConnection
from projections.history.moments import Moment, resolve

# A line whose key is not certain may be of any key.
IN_DOUBT = "a line that cannot be read may be about it"


class Order(msgspec.Struct, frozen=True):
    """What is to be compared, and how."""

    statement: Statement
    terms: Terms
    level: Level
    policy: Policy
    tolerance: Tolerance
    scale_default: int
    as_of_us: int | None = None
    positions: Mapping[int, int] | None = None


class Outcome(msgspec.Struct):
    """Every key with what is wrong with it, and what would set it right."""

    moment: Moment
    rows: list[Row]
    unreadable: list[Unreadable]
    adjustments: dict[Key, list[Adjustment]]
    unproposed: list[Unproposed]
    witness: Witness | None

    @property
    def differences(self) -> list[Row]:
        """The rows that are not equal."""
        return [row for row in self.rows if row.kind not in GOOD]

    @property
    def is_good(self) -> bool:
        """Whether everything could be read and nothing differs."""
        return not self.unreadable and not self.differences


class Ours(msgspec.Struct, frozen=True):
    """The ledger's side, read at one moment."""

    moment: Moment
    holdings: dict[StockKey, Holding]
    scales: dict[str, int]


async def reconcile(reader: ReadConnection, order: Order) -> Outcome:
    """Compare, and propose what would make it equal. All is read from one state of the views."""
    ours = await _ours(reader, order)

    def scale_of(sku: str) -> int:
        return ours.scales.get(sku, order.scale_default)

    leveller = Leveller(order.level, {one.at.location for one in order.statement.lines})
    totals = total(order.statement.lines, leveller, scale_of, order.terms.doubled)
    by_key = held_by_key(ours.holdings, leveller)
    on_hand = {key: sum(have.then for have in held.values()) for key, held in by_key.items()}
    rows = compare(totals, on_hand, scale_of, order.tolerance, complete=order.terms.complete)
    earlier = await earlier_adjustments(
        reader, order.policy.statement_id, _candidates(rows, by_key, order), ours.moment
    )
    missing: dict[Key, int] = defaultdict(int)
    for at, one in earlier.items():
        missing[leveller.key(at)] += one.missing
    rows = [
        after_adjusting(row, missing[row.key], order.tolerance) if row.key in missing else row
        for row in rows
    ]
    outcome = Outcome(
        ours.moment,
        rows,
        sorted(order.statement.unreadable + totals.unreadable, key=lambda one: one.line),
        {},
        [],
        await witness(reader),
    )
    _propose(outcome, by_key, earlier, order.policy)
    return outcome


async def _ours(reader: ReadConnection, order: Order) -> Ours:
    stated = {one.at.sku for one in order.statement.lines}
    terms = order.terms
    scope = Scope(terms.within, terms.statuses, None if terms.complete else stated)
    now = await stock_now(reader, scope)
    if order.as_of_us is None and order.positions is None:
        moment = await resolve(reader)
        then = now
    else:
        moment = await resolve(reader, as_of_us=order.as_of_us, positions=order.positions)
        skus = await skus_moved(reader) if terms.complete else stated
        then = await stock_at(reader, skus, scope, moment)
        if not then and await is_before_all(reader, moment):
            # A year mistyped; to take it as it is would adjust everything to what is stated.
            raise CommandError("nothing had happened yet at that moment: is it the right one?")
    held = holdings(then, now)
    return Ours(moment, held, await scales(reader, stated | {at.sku for at in held}))


def _candidates(
    rows: list[Row], by_key: Mapping[Key, Mapping[StockKey, Holding]], order: Order
) -> set[StockKey]:
    """The stock keys that an adjustment could be of, or could have been of before."""
    found: set[StockKey] = set()
    for row in rows:
        if row.kind not in GOOD and row.kind != "unreadable":
            found.update(by_key.get(row.key, ()))
            target = target_of(row.key, order.policy)
            if target is not None:
                found.add(target)
    return found


def _propose(
    outcome: Outcome,
    by_key: Mapping[Key, Mapping[StockKey, Holding]],
    earlier: Mapping[StockKey, Adjusted],
    policy: Policy,
) -> None:
    attempts = {at: one.attempts for at, one in earlier.items()}
    doubt = any(one.key is None for one in outcome.unreadable)
    for row in outcome.differences:
        found = propose(row, by_key.get(row.key, {}), attempts, policy)
        if isinstance(found, Unproposed):
            outcome.unproposed.append(found)
        elif doubt:
            outcome.unproposed.append(Unproposed(row, IN_DOUBT))
        else:
            outcome.adjustments[row.key] = found
