"""Which accounts of a SKU an explanation is about, as conditions on rows of the views."""

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Table, and_, or_, true

from projections.tables import movements, refusals, stock, void_records
from projections.views.paths import below

Condition = ColumnElement[bool]


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts of one SKU whose sum is explained.

    Either a virtual account, or stock keys: all real ones, or those at a location and below it, of
    a lot, of a status.
    """

    sku: str
    location: str | None = None
    lot: str | None = None
    status: str | None = None
    account: str | None = None

    @property
    def texts(self) -> tuple[str | None, ...]:
        """All that is compared with texts of rows."""
        return msgspec.structs.astuple(self)

    def holds(self, place: str, lot: str | None, status: str | None) -> bool:
        """Whether an account is one of them; `status` is None where it is virtual."""
        if self.account is not None:
            return status is None and place == self.account
        return (
            status is not None
            and (self.location is None or _within(place, self.location))
            and self.lot in (None, lot)
            and self.status in (None, status)
        )


def change(scope: Scope, row: RowMapping) -> int:
    """What a row of `movements` adds to the sum; scaled as its quantity is."""
    came = scope.holds(row["target"], row["lot"], row["target_status"])
    went = scope.holds(row["source"], row["lot"], row["source_status"])
    return int(row["quantity"]) * (came - went)


def stock_in(scope: Scope) -> Condition:
    """The rows of `stock` that are summed."""
    columns = stock.c
    if scope.account is not None:
        return and_(columns.sku == scope.sku, columns.account == scope.account)
    return and_(
        columns.sku == scope.sku,
        columns.status != "",
        _place(columns.account, scope),
        true() if scope.lot is None else columns.lot == scope.lot,
        true() if scope.status is None else columns.status == scope.status,
    )


def arrives(scope: Scope) -> Condition:
    """Movements that put something into the scope."""
    return _side(scope, movements, "target")


def leaves(scope: Scope) -> Condition:
    """Movements that take something out of the scope."""
    return _side(scope, movements, "source")


def touches(scope: Scope) -> Condition:
    """Movements that go into the scope, out of it or inside it."""
    columns = movements.c
    return and_(
        columns.sku == scope.sku,
        true() if scope.lot is None else columns.lot == scope.lot,
        or_(arrives(scope), leaves(scope)),
    )


def refused_in(scope: Scope) -> Condition:
    """Refusals that may be about the scope.

    A refusal names a place at most; it is left out only where that is another one.
    """
    place = refusals.c.location
    of_sku = refusals.c.sku == scope.sku
    if scope.location is None:
        return of_sku
    return and_(of_sku, or_(place.is_(None), _place(place, scope)))


def void_in(scope: Scope, partition: int) -> Condition:
    """Void records that seem to be about the scope, or about the SKU and nothing to be read.

    Of the SKU's partition alone: in another its key means nothing, and offsets of two partitions
    have no order.
    """
    columns = void_records.c
    of_sku = and_(columns.sku == scope.sku, columns.partition == partition)
    if scope.account is not None:
        there = or_(columns.source == scope.account, columns.target == scope.account)
    elif scope.location is None:
        return of_sku
    else:
        there = or_(_place(columns.source, scope), _place(columns.target, scope))
    return and_(of_sku, or_(columns.source.is_(None), there))


def _side(scope: Scope, table: Table, side: str) -> Condition:
    place, status = table.c[side], table.c[f"{side}_status"]
    if scope.account is not None:
        return and_(status.is_(None), place == scope.account)
    wanted = status.is_not(None) if scope.status is None else status == scope.status
    return and_(wanted, _place(place, scope))


def _place(column: ColumnElement[str], scope: Scope) -> Condition:
    if scope.location is None:
        return true()
    return or_(column == scope.location, below(column, scope.location))


def _within(place: str, location: str) -> bool:
    return place == location or place.startswith(f"{location}/")
