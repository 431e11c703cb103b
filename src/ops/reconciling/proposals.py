"""What would set the ledger right: adjustments of stock keys, or why none can be named.

A difference is proposed as a difference. The statement speaks of a moment; what moved since then
moved rightly, so the stock now is changed by what was wrong then, and never set to the old number.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from ledger.domain.quantities import text
from ledger.domain.stock import AVAILABLE
from ops.reconciling.compare import GOOD, Row
from ops.reconciling.keys import Key, Leveller, StockKey

Spread = Literal["refuse", "largest"]
REFERENCE_TYPE = "reconciliation"
HASH_LENGTH = 24
# A refused id stays refused. So many times the stock may move between a look and its adjustment.
ATTEMPTS_MAX = 50
# Goods left, by their times, before they came. To adjust that would make wrong what is right now.
BELOW_ZERO_THEN = (
    "it was below zero then, so that the times of movements are wrong or some are missing"
)


class Holding(msgspec.Struct):
    """A stock key at the moment of the statement and now, scaled."""

    then: int = 0
    now: int = 0


class Attempts(msgspec.Struct, frozen=True):
    """What became of the ids that this statement has for a stock key.

    `refused` of them were refused; `accepted` is the id of the one that counts.
    """

    refused: int = 0
    accepted: str | None = None


class Policy(msgspec.Struct, frozen=True):
    """What cannot be taken from the two stocks."""

    statement_id: str
    finest: bool
    spread: Spread = "refuse"
    place: str | None = None
    status: str = AVAILABLE
    reason: str | None = None
    occurred_at: str | None = None


class Adjustment(msgspec.Struct, frozen=True):
    """A signed quantity, scaled, for one stock key that holds `now`."""

    id: str
    at: StockKey
    quantity: int
    now: int
    scale: int
    reason: str


class Unproposed(msgspec.Struct, frozen=True):
    """A difference that nothing is proposed for, and why."""

    row: Row
    why: str


def statement_id(sha256: str, moment: str) -> str:
    """Which statement this is: its content and the moment it speaks of, empty for now.

    The same content of another day is another statement, if the days are given.
    """
    return hashlib.sha256(f"{sha256}\0{moment}".encode()).hexdigest()[:HASH_LENGTH]


def adjustment_id(statement: str, at: StockKey, attempt: int) -> str:
    """The id of an adjustment; the same for the same statement, stock key and attempt, from 0."""
    key = hashlib.sha256("\0".join(at).encode()).hexdigest()[:HASH_LENGTH]
    return f"reconcile-{statement}-{key}" + (f"-{attempt + 1}" if attempt else "")


def held_by_key(
    holdings: Mapping[StockKey, Holding], leveller: Leveller
) -> dict[Key, dict[StockKey, Holding]]:
    """The stock keys under each key of the level."""
    found: dict[Key, dict[StockKey, Holding]] = {}
    for at, have in holdings.items():
        found.setdefault(leveller.key(at), {})[at] = have
    return found


def propose(
    row: Row,
    holdings: Mapping[StockKey, Holding],
    attempts: Mapping[StockKey, Attempts],
    policy: Policy,
) -> list[Adjustment] | Unproposed:
    """The adjustments of a row that differs; `holdings` are the stock keys under its key."""
    if row.kind in GOOD:
        raise AssertionError("nothing is proposed where nothing differs")
    if row.kind == "unreadable":
        return Unproposed(row, "a line of it cannot be read")
    if row.stated is not None and row.stated < 0:
        return Unproposed(row, "what is stated is below zero, which stock never is")
    if any(have.then < 0 for have in holdings.values()):
        return Unproposed(row, BELOW_ZERO_THEN)
    open_holdings = {at: have for at, have in holdings.items() if not _is_done(attempts.get(at))}
    shares = _shares(row, open_holdings or holdings, policy)
    if isinstance(shares, str):
        return Unproposed(row, shares)
    for at, quantity in shares:
        why = _obstacle(quantity, holdings.get(at, Holding()), attempts.get(at), row.scale)
        if why is not None:
            return Unproposed(row, why)
    return [
        Adjustment(
            adjustment_id(policy.statement_id, at, attempts.get(at, Attempts()).refused),
            at,
            quantity,
            holdings.get(at, Holding()).now,
            row.scale,
            policy.reason or ("found" if quantity > 0 else "lost"),
        )
        for at, quantity in shares
    ]


def target_of(key: Key, policy: Policy) -> StockKey | None:
    """The stock key where goods of this key are found if none is there; None if unknown."""
    location = key.location or policy.place
    if location is None:
        return None
    return StockKey(key.sku, location, key.lot or "", key.status or policy.status)


def movement(one: Adjustment, policy: Policy) -> dict[str, object]:
    """The document of the adjustment, as the HTTP interface takes it."""
    document: dict[str, object] = {
        "type": "adjustment",
        "id": one.id,
        "sku": one.at.sku,
        "location": one.at.location,
        "status": one.at.status,
        "quantity": text(one.quantity, one.scale),
        "reason": one.reason,
        "expected_on_hand": text(one.now, one.scale),
        "reference": {"type": REFERENCE_TYPE, "id": policy.statement_id},
    }
    if one.at.lot:
        document["lot"] = one.at.lot
    if policy.occurred_at is not None:
        document["occurred_at"] = policy.occurred_at
    return document


def _is_done(attempts: Attempts | None) -> bool:
    return attempts is not None and attempts.accepted is not None


def _obstacle(quantity: int, have: Holding, attempts: Attempts | None, scale: int) -> str | None:
    """Why this adjustment cannot be made, if so."""
    if attempts is not None and attempts.accepted is not None:
        # Once for a stock key: a statement that is applied twice doubles nothing.
        return f"this statement has adjusted it already, as {attempts.accepted}"
    if attempts is not None and attempts.refused >= ATTEMPTS_MAX:
        return f"{ATTEMPTS_MAX} adjustments of this statement were refused"
    if have.now + quantity < 0:
        return f"only {text(have.now, scale)} are there now"
    return None


def _shares(
    row: Row, holdings: Mapping[StockKey, Holding], policy: Policy
) -> list[tuple[StockKey, int]] | str:
    """How the difference is shared out over stock keys, or why that cannot be said."""
    target = target_of(row.key, policy)
    if policy.finest and target is not None:
        return [(target, row.difference)]
    found = sorted(at for at, have in holdings.items() if have.then or have.now)
    if len(found) == 1:
        return [(found[0], row.difference)]
    if not found:
        if target is None:
            return "no place is known for it; the mapping may name one"
        return [(target, row.difference)]
    if policy.spread == "refuse":
        return f"it lies under {len(found)} stock keys, and the statement does not say which"
    return _spread(row.difference, [(at, holdings[at].now) for at in found])


def _spread(difference: int, found: Sequence[tuple[StockKey, int]]) -> list[tuple[StockKey, int]]:
    """More goes to the largest; what is missing is taken from the largest first."""
    largest = sorted(found, key=lambda one: (-one[1], one[0]))
    if difference > 0:
        return [(largest[0][0], difference)]
    missing, shares = -difference, []
    for at, now in largest:
        taken = min(missing, max(now, 0))
        if taken:
            shares.append((at, -taken))
        missing -= taken
    if missing:
        # It cannot be taken from anywhere; the guard that follows says how much there is.
        at, taken = shares[0] if shares else (largest[0][0], 0)
        shares[:1] = [(at, taken - missing)]
    return shares
