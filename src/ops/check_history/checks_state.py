"""What was stored of the state, held against the fold at the very offset that it speaks of."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from ops.check_history.accounts import Account, named
from ops.check_history.amounts import shown
from ops.check_history.fold import PartitionFold
from ops.check_history.stock import Stock
from ops.findings import Finding

Balances = dict[Account, int]
LineRow = tuple[int, int, int, bool]
_NOTHING: Final[Balances] = {}


class Stop(NamedTuple):
    """A check of the state in front of `offset`; it is given the fold and the chain's head."""

    offset: int
    check: Callable[[PartitionFold, str], Iterator[Finding]]
    what: str


class ViewRows(NamedTuple):
    """What the views hold of one partition, all of one moment.

    `position` is the offset of the next record to read, `head` the chain's head there. `totals` are
    on hand, unavailable and value of a SKU. All amounts are in millionths.
    """

    partition: int
    position: int
    head: str
    stock: dict[str, Balances]
    totals: dict[str, tuple[int, ...]]
    movements: dict[int, str]
    refusals: dict[int, str]
    # SKU to its lines of supply orders by id: placed at, ordered, received, whether it is open.
    lines: dict[str, dict[str, LineRow]]


def check_view(rows: ViewRows, fold: PartitionFold, head: str) -> Iterator[Finding]:
    """The views are the fold at their position: every account, every total, every id."""
    where = f"views of partition {rows.partition} at {rows.position}"
    if rows.head != head:
        yield Finding("view_differs", where, "the chain's head is another one")
    for sku in rows.stock.keys() | fold.stock.keys():
        balances, stock = rows.stock.get(sku, _NOTHING), fold.of(sku)
        yield from _compare("view_differs", where, sku, balances, stock.accounts)
        yield from _compare_totals(where, sku, rows.totals.get(sku, (0, 0, 0)), stock)
        if sum(balances.values()):
            yield Finding("unbalanced", where, f"the rows of {sku} do not sum to zero")
    for sku in rows.lines.keys() | fold.stock.keys():
        true = {name: msgspec.structs.astuple(one) for name, one in fold.of(sku).lines.items()}
        yield from _compare_lines("view_differs", where, sku, rows.lines.get(sku, {}), true)
    for kind, stored in (("movement", rows.movements), ("refused", rows.refusals)):
        counted = {known.offset: name for name, known in fold.ids.items() if known.kind == kind}
        if counted != stored:
            yield from _other_ids(where, stored, counted)


def _other_ids(where: str, stored: dict[int, str], true: dict[int, str]) -> Iterator[Finding]:
    for offset in sorted(stored.keys() | true.keys()):
        one, other = stored.get(offset), true.get(offset)
        if one != other:
            yield Finding("view_differs", where, f"{offset} is {one} in them, {other} in the log")


def _compare_totals(
    where: str, sku: str, stored: tuple[int, ...], stock: Stock
) -> Iterator[Finding]:
    unavailable = sum(amount for key, amount in stock.real.items() if key[2] != "available")
    true = (stock.total, unavailable, stock.value)
    if stored != true:
        said, right = (", ".join(map(shown, figures)) for figures in (stored, true))
        text = f"{sku}: on hand, unavailable and value are {said}, not {right}"
        yield Finding("view_differs", where, text)


def _compare_lines(
    code: str, where: str, sku: str, stored: dict[str, LineRow], true: dict[str, Any]
) -> Iterator[Finding]:
    for name in stored.keys() | true.keys():
        one, other = stored.get(name), true.get(name)
        if one != other:
            text = f"{sku}: the supply order {name} is {one}, where {other} is"
            yield Finding(code, where, text)


def _compare(
    code: str, where: str, sku: str, stored: Balances, true: Balances
) -> Iterator[Finding]:
    if stored == true:
        return
    for account in stored.keys() | true.keys():
        one, other = stored.get(account, 0), true.get(account, 0)
        if one != other:
            text = f"{sku}: {shown(one)} in {named(account)}, where {shown(other)} is"
            yield Finding(code, where, text)


class Snapshot(NamedTuple):
    """A snapshot that is whole. `slices` are (offset, the SKUs as they were in front of it).

    `totals` are what it calls the sum and the value of a SKU, by the offset of its slice.
    """

    partition: int
    from_offset: int
    head: str
    until_offset: int
    until_head: str
    slices: list[tuple[int, dict[str, Balances]]]
    ids: dict[str, int]
    reversed: dict[int, int]
    totals: dict[int, dict[str, tuple[int, int]]]
    # By the offset of the slice: SKU to its open lines, as `ViewRows.lines`.
    lines: dict[int, dict[str, dict[str, LineRow]]]


def snapshot_stops(snapshot: Snapshot) -> Iterator[Stop]:
    """A snapshot and the tail are the replay if each slice is the fold at its offset."""
    what = f"snapshot of partition {snapshot.partition}"
    for offset, skus in snapshot.slices:
        yield Stop(
            offset,
            _slice_check(what, skus, snapshot.totals[offset], snapshot.lines.get(offset, {})),
            what,
        )
    yield Stop(snapshot.from_offset, _start_check(what, snapshot), what)
    yield Stop(snapshot.until_offset, _end_check(what, snapshot), what)


def _slice_check(
    what: str,
    skus: dict[str, Balances],
    totals: dict[str, tuple[int, int]],
    lines: dict[str, dict[str, LineRow]],
) -> Callable[[PartitionFold, str], Iterator[Finding]]:
    def check(fold: PartitionFold, _head: str) -> Iterator[Finding]:
        for sku, balances in skus.items():
            true = {key: one for key, one in fold.of(sku).accounts.items() if key[0] != "@"}
            yield from _compare("snapshot_differs", what, sku, balances, true)
        for sku, stored in totals.items():
            stock = fold.of(sku)
            if stored != (stock.total, stock.value):
                said, right = map(shown, stored), map(shown, (stock.total, stock.value))
                text = f"{sku}: sum and value are {', '.join(said)}, not {', '.join(right)}"
                yield Finding("snapshot_differs", what, text)
        for sku, held in lines.items():
            open_ = fold.of(sku).open_lines
            rows = {name: msgspec.structs.astuple(one) for name, one in open_.items()}
            yield from _compare_lines("snapshot_differs", what, sku, held, rows)

    return check


def _start_check(
    what: str, snapshot: Snapshot
) -> Callable[[PartitionFold, str], Iterator[Finding]]:
    def check(fold: PartitionFold, head: str) -> Iterator[Finding]:
        if head != snapshot.head:
            yield Finding("snapshot_differs", what, "the chain's head at its start is another one")
        held = {sku for _, skus in snapshot.slices for sku in skus}
        for sku in fold.stock.keys() - held:
            # A SKU of which only refusals are known leaves no state.
            one = fold.stock[sku]
            if one.moved or one.item is not None or one.lines:
                yield Finding("snapshot_differs", what, f"{sku} is not in it")

    return check


def _end_check(what: str, snapshot: Snapshot) -> Callable[[PartitionFold, str], Iterator[Finding]]:
    def check(fold: PartitionFold, head: str) -> Iterator[Finding]:
        if head != snapshot.until_head:
            yield Finding("snapshot_differs", what, "the chain's head at its end is another one")
        for identity, offset in snapshot.ids.items():
            known = fold.ids.get(identity)
            if known is None or known.offset != offset:
                text = f"it knows {identity} at {offset}, where it does not lie"
                yield Finding("snapshot_differs", what, text)
        for offset, reversal in snapshot.reversed.items():
            if fold.undone.get(offset) != reversal:
                text = f"{offset} was not reversed at {reversal}"
                yield Finding("snapshot_differs", what, text)

    return check
