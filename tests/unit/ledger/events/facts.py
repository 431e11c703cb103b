"""Facts of every kind, made by hypothesis as the ledger could have made them."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ledger.domain import codes, quantities
from ledger.domain.facts import Fact, LevelRaised, Moved, Opened, Refused, WriterClaimed
from ledger.domain.items import Item, ItemDefined, Supplier
from ledger.domain.movements import Reference
from ledger.domain.rejections import Rejected
from ledger.domain.supply import (
    CLOSE_REASONS,
    OrderReceived,
    SupplyFact,
    SupplyOrderChanged,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)
from ledger.events.trails import Trail, encode_trail
from tests import builders as make
from tests.builders import NOW_MS

# Quotes, backslashes, other scripts, what JSON may escape and need not.
_ODD = st.sampled_from(['"', "\\", "/", "é", "日", "😀", "'", "<", "\\u0041", "a", "B", "0"])
_WORDS = st.lists(
    _ODD | st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=8
)
names = _WORDS.map("".join).filter(lambda text: text.isprintable())
places = names.filter(lambda text: codes.check_location(text) is None)
offsets = st.integers(0, 2**40)
times_ms = st.integers(NOW_MS, NOW_MS + 10**10)
actors = st.none() | names
trails = st.none() | st.builds(Trail, names, names, st.none() | names).map(encode_trail)
_statuses = st.sampled_from(sorted(codes.STATUSES))
_reasons = st.sampled_from(sorted(codes.REASONS))
_dispositions = st.none() | st.sampled_from(sorted(codes.DISPOSITIONS))


@st.composite
def _commands(draw: st.DrawFn, scale: int) -> tuple[Any, int]:
    quantity = draw(st.integers(1, 10**18))
    written = quantities.text(quantity, scale)
    fields: dict[str, Any] = {
        "id": draw(names),
        "sku": draw(names),
        "lot": draw(st.none() | names),
        "note": draw(st.none() | names),
        "reference": draw(st.none() | st.builds(Reference, names, names)),
        "expected_on_hand": draw(st.none() | st.just(written)),
    }
    place, other = draw(places), draw(places)
    one = {**fields, "location": place}
    makers: dict[str, Callable[[], Any]] = {
        "receipt": lambda: make.receipt(
            written,
            **one,
            status=draw(st.none() | _statuses),
            unit_cost=draw(st.none() | st.just("2.55")),
            supply_order=draw(st.none() | names),
        ),
        "transfer": lambda: make.transfer(
            written, **fields, from_location=place, to_location=other
        ),
        "pick": lambda: make.pick(written, **one, to_location=draw(st.none() | st.just(other))),
        "issue": lambda: make.issue(written, **one),
        "customer_return": lambda: make.customer_return(
            written, **one, disposition=draw(_dispositions), original_id=draw(st.none() | names)
        ),
        "supplier_return": lambda: make.supplier_return(written, **one),
        "adjustment": lambda: make.adjustment(
            draw(st.sampled_from(["", "-"])) + written, **one, reason=draw(_reasons)
        ),
        "scrap": lambda: make.scrap(written, **one, reason=draw(_reasons)),
        "status_change": lambda: make.status_change(
            written, **one, from_status=draw(_statuses), to_status=draw(_statuses)
        ),
        "reversal": lambda: make.reversal(
            draw(names), **{k: fields[k] for k in ("id", "sku", "note", "reference")}
        ),
    }
    return makers[draw(st.sampled_from(sorted(makers)))](), quantity


_amounts = st.integers(0, 10**18)
received = st.builds(
    OrderReceived, names, offsets, st.just(True), _amounts, _amounts, _amounts
) | st.builds(OrderReceived, names, offsets, st.just(False), st.just(0), st.just(0), _amounts)


@st.composite
def supplies(draw: st.DrawFn) -> SupplyFact:
    """A fact about a supply order."""
    offset, sku, scale, amount = draw(offsets), draw(names), draw(st.integers(0, 6)), _amounts
    recorded_ms, on_order = draw(times_ms), draw(amount)
    quantity = draw(st.integers(1, 10**18))
    written, note = quantities.text(quantity, scale), draw(st.none() | names)
    expected_us = recorded_ms * 1000 + draw(st.integers(0, 10**12))
    start: dict[str, Any] = {"offset": offset, "sku": sku, "scale": scale, "quantity": quantity}
    rest: dict[str, Any] = {
        "on_order": on_order, "recorded_ms": recorded_ms, "actor": draw(actors),
        "trail": draw(trails),
    }  # fmt: skip
    kind = draw(st.integers(0, 2))
    if kind == 0:
        placed = make.place(
            written,
            sku=sku,
            supplier=draw(names),
            location=draw(places),
            order=draw(st.none() | names),
            unit_cost=draw(st.none() | st.just("2.55")),
            expected_at=codes.instant_text(expected_us),
            note=note,
        )
        times: dict[str, Any] = {"placed_us": recorded_ms * 1000, "expected_us": expected_us}
        return SupplyOrderPlaced(command=placed, id=placed.id or "", **start, **times, **rest)
    more: dict[str, Any] = {"order_offset": draw(offsets), "received": draw(amount)}
    if kind == 1:
        change = make.change(
            draw(names), sku=sku, quantity=draw(st.none() | st.just(written)), note=note
        )
        return SupplyOrderChanged(
            command=change, id=change.id or "", expected_us=expected_us, **start, **more, **rest
        )
    close = make.close(draw(names), draw(st.sampled_from(sorted(CLOSE_REASONS))), sku=sku)
    return SupplyOrderClosed(command=close, id=close.id or "", **start, **more, **rest)


@st.composite
def moved(draw: st.DrawFn) -> Moved:
    """A movement between the accounts its command says, with balances that could be."""
    scale = draw(st.integers(0, 6))
    command, quantity = draw(_commands(scale))
    recorded_ms = draw(times_ms)
    occurred_us = recorded_ms * 1000
    if draw(st.booleans()):
        occurred_us -= draw(st.integers(0, 10**12))
        command.occurred_at = codes.instant_text(occurred_us)
    accounts = (
        ("@adjustment", "MAIN") if type(command).__name__ == "Reversal" else command.accounts()
    )
    if isinstance(accounts, Rejected):
        accounts = ("@supplier", "MAIN")
    source, target = accounts
    balances = st.integers(0, 10**18)
    return Moved(
        draw(offsets),
        command,
        command.id,
        command.sku,
        quantity,
        scale,
        source,
        target,
        0 if source[0] == "@" else draw(balances),
        0 if target[0] == "@" else draw(balances),
        draw(balances),
        draw(st.sampled_from(["given", "standard", "average", "original", "none"])),
        occurred_us,
        recorded_ms,
        draw(st.booleans()),
        draw(actors),
        draw(st.just(-1) | offsets),
        draw(st.just(-1) | offsets),
        draw(st.none() | received),
        draw(trails),
    )


items = st.builds(
    Item,
    name=st.none() | names,
    unit=names,
    scale=st.integers(0, 6),
    inventory_type=st.sampled_from(["raw", "wip", "finished", "mro", "trading"]),
    lot_tracked=st.booleans(),
    serial_tracked=st.booleans(),
    shelf_life_days=st.none() | st.integers(1, 36_500),
    unit_cost=st.none() | st.just("2.55"),
    gtin=st.none() | st.just("4006381333931"),
    suppliers=st.lists(
        st.builds(
            Supplier,
            names,
            st.none() | st.integers(0, 9),
            st.none() | st.just("12"),
            st.none() | st.just("24"),
        ),
        max_size=3,
    ).map(tuple),
    price=st.none() | st.just("4.95"),
)
refused = st.builds(
    Refused,
    offsets,
    names,
    names,
    st.just("issue"),
    st.just("0" * 32),
    st.just("insufficient_stock"),
    names,
    st.dictionaries(names, names, max_size=3),
    times_ms,
    quantity=st.none() | st.just("6"),
    location=st.none() | places,
    actor=actors,
    trail=trails,
)
others: st.SearchStrategy[Fact] = st.one_of(
    refused,
    st.builds(ItemDefined, offsets, names, names, items, times_ms, actors, trails),
    st.builds(
        Opened,
        st.just(0),
        names,
        st.integers(0, 99),
        st.integers(1, 100),
        names,
        st.sampled_from(["EUR", "USD"]),
        st.sampled_from([1, 2, 3]),
        times_ms,
    ),
    st.builds(WriterClaimed, offsets, names, names, times_ms),
    st.builds(LevelRaised, offsets, st.sampled_from([1, 2, 3]), times_ms, actors, trails),
)
facts: st.SearchStrategy[Fact] = st.one_of(moved(), supplies(), others)
