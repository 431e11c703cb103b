"""What stock was at a moment, by a plain fold over every movement there is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ledger.domain.facts import Fact, Moved
from projections.history.balances import Balances
from projections.history.moments import Moment
from projections.views.stock import place

# Partition and movement.
Told = tuple[int, Moved]


def movements(facts: Mapping[int, Sequence[Fact]]) -> list[Told]:
    """All movements, partition by partition in the order of their offsets."""
    return [
        (partition, fact)
        for partition, several in facts.items()
        for fact in several
        if isinstance(fact, Moved)
    ]


def counting(told: Iterable[Told], moment: Moment) -> Iterator[Told]:
    """Those that count at the moment."""
    for partition, moved in told:
        here = moved.occurred_us, moved.offset
        known = moved.offset < moment.until.get(partition, 0)
        if known and (moment.before is None or here < moment.before):
            yield partition, moved


def folded(told: Iterable[Told], moment: Moment) -> dict[str, Balances]:
    """Balances by SKU, as `balances_at` says them but for stock keys with nothing left."""
    told = list(told)
    found = {moved.sku: Balances(number, moved.scale, 0, {}) for number, moved in told}
    for _, moved in counting(told, moment):
        balances = found[moved.sku]
        value = balances.value
        for account, amount in ((moved.source, -moved.quantity), (moved.target, moved.quantity)):
            if account[0] != "@":
                key = place(account)
                balances.keys[key] = balances.keys.get(key, 0) + amount
        if moved.source[0] == "@" and moved.target[0] != "@":
            value += moved.value
        if moved.source[0] != "@" and moved.target[0] == "@":
            value -= moved.value
        found[moved.sku] = balances._replace(value=value)
    return without_zeros(found)


def without_zeros(found: Mapping[str, Balances]) -> dict[str, Balances]:
    """The same, where a stock key that was never touched and one that is empty are one."""
    return {
        sku: one._replace(keys={key: amount for key, amount in one.keys.items() if amount})
        for sku, one in found.items()
    }
