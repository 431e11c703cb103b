"""Supply orders as events: facts → `data` and back; what a receipt says of the line it names."""

from ledger.domain import codes, quantities
from ledger.domain.rejections import Rejected
from ledger.domain.supply import (
    OrderReceived,
    SupplyFact,
    SupplyOrderChanged,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)
from ledger.events import envelope as shape

SupplyData = shape.SupplyPlacedData | shape.SupplyChangedData | shape.SupplyClosedData


def supply_type(fact: SupplyFact) -> str:
    """The CloudEvents type a fact about a line is written as."""
    return shape.SUPPLY_TYPES[type(fact.command)]


def supply_data(fact: SupplyFact) -> SupplyData:
    """`data` of a fact about a line."""
    scale = fact.scale
    quantity = quantities.text(fact.quantity, scale)
    on_order = quantities.text(fact.on_order, scale)
    if isinstance(fact, SupplyOrderPlaced):
        return shape.SupplyPlacedData(
            fact.command,
            quantity,
            scale,
            codes.instant_text(fact.placed_us),
            codes.instant_text(fact.expected_us),
            on_order,
        )
    received = quantities.text(fact.received, scale)
    over = quantities.text(max(0, fact.received - fact.quantity), scale)
    if isinstance(fact, SupplyOrderChanged):
        return shape.SupplyChangedData(
            fact.command,
            fact.order_offset,
            quantity,
            received,
            over,
            scale,
            codes.instant_text(fact.expected_us),
            on_order,
        )
    under = quantities.text(max(0, fact.quantity - fact.received), scale)
    return shape.SupplyClosedData(
        fact.command, fact.order_offset, quantity, received, over, under, scale, on_order
    )


def supply_fact(
    head: shape.Envelope, data: SupplyData, offset: int, recorded_ms: int
) -> SupplyFact:
    """The fact behind `data`. Raises ValueError."""
    scale = data.scale
    quantity, on_order = _scaled(data.quantity, scale), _scaled(data.on_order, scale)
    if isinstance(data, shape.SupplyPlacedData):
        return SupplyOrderPlaced(
            offset,
            data.command,
            head.id,
            head.subject,
            quantity,
            scale,
            _instant(data.placed_at),
            _instant(data.expected_at),
            on_order,
            recorded_ms,
            head.actor,
            shape.trail_of(data),
        )
    received = _scaled(data.received, scale)
    if isinstance(data, shape.SupplyChangedData):
        return SupplyOrderChanged(
            offset,
            data.command,
            head.id,
            head.subject,
            data.order_offset,
            quantity,
            received,
            scale,
            _instant(data.expected_at),
            on_order,
            recorded_ms,
            head.actor,
            shape.trail_of(data),
        )
    return SupplyOrderClosed(
        offset,
        data.command,
        head.id,
        head.subject,
        data.order_offset,
        quantity,
        received,
        scale,
        on_order,
        recorded_ms,
        head.actor,
        shape.trail_of(data),
    )


def received_data(noted: OrderReceived, scale: int) -> shape.OrderReceivedData:
    """What a receipt leaves of the line it names, as its event says it."""
    on_order = quantities.text(noted.on_order, scale)
    if not noted.open:
        return shape.OrderReceivedData(noted.id, noted.order_offset, False, on_order)
    figures = (noted.ordered, noted.received, noted.over)
    texts = (quantities.text(figure, scale) for figure in figures)
    return shape.OrderReceivedData(noted.id, noted.order_offset, True, on_order, *texts)


def order_received(data: shape.OrderReceivedData, scale: int) -> OrderReceived:
    """The same the other way round. Raises ValueError."""
    return OrderReceived(
        data.id,
        data.order_offset,
        data.open,
        0 if data.ordered is None else _scaled(data.ordered, scale),
        0 if data.received is None else _scaled(data.received, scale),
        _scaled(data.on_order, scale),
    )


def _scaled(number: str, scale: int) -> int:
    if not 0 <= scale <= quantities.SCALE_MAX:
        raise ValueError(f"{scale} is no scale")
    result = quantities.scaled(number, scale)
    if type(result) is Rejected:
        raise ValueError(f"{number} is no number of scale {scale}")
    return result


def _instant(time: str) -> int:
    microseconds = codes.instant(time)
    if type(microseconds) is Rejected:
        raise ValueError(f"{time} is no instant")
    return microseconds
