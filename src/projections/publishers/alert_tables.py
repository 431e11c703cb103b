"""The tables of alerts: what is available at each site, and what was worth saying about it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)

from projections.tables import metadata

_BYTES_ORDER = Text().with_variant(Text(collation="C"), "postgresql")


def _text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    return Column(name, _BYTES_ORDER, nullable=null, primary_key=key)


# What may be promised of a SKU at a site, as far as the alerts have been kept. `stock_out` is the
# alert that holds since it ran out. A SKU that was never available at a site has no row.
site_levels = Table(
    "site_levels",
    metadata,
    _text("sku", key=True),
    _text("site", key=True),
    Column("partition", Integer, nullable=False),
    Column("scale", SmallInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    _text("stock_out", null=True),
)

# One row an alert, for ever. `log_offset` is that of the movement that made it, null where it was
# another thing. An alert about a state that lasts is `active` until another one, `ended_by`, ends
# it. `published` says whether it went to the topic; without a broker nobody asks.
alerts = Table(
    "alerts",
    metadata,
    _text("alert_id", key=True),
    _text("type"),
    _text("sku"),
    _text("site"),
    Column("partition", Integer, nullable=False),
    Column("log_offset", BigInteger, nullable=True),
    Column("raised_ms", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    _text("ended_by", null=True),
    Column("published", Boolean, nullable=False),
    _text("document"),
)

# In the words of the partial indexes below: SQLite does not know that `active = 1`, which would be
# written for it, means the same.
ACTIVE, UNPUBLISHED = text("alerts.active"), text("NOT alerts.published")

_a = alerts.c
Index("alerts_by_raised", _a.raised_ms, _a.alert_id)
Index("alerts_by_sku", _a.sku, _a.raised_ms, _a.alert_id)
Index(
    "alerts_active",
    _a.sku,
    _a.site,
    _a.type,
    unique=True,
    postgresql_where=text("active"),
    sqlite_where=text("active"),
)
Index(
    "alerts_unpublished",
    _a.partition,
    _a.raised_ms,
    postgresql_where=text("NOT published"),
    sqlite_where=text("NOT published"),
)
