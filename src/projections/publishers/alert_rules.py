"""When a movement is worth an alert: pure, from what was available to what is then."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ledger.domain import codes, quantities
from ledger.domain.stock import AVAILABLE
from projections.publishers.alert_documents import (
    BACK_IN_STOCK,
    STOCK_OUT,
    BackInStockData,
    StockOutData,
)
from projections.publishers.level_documents import document, position_text
from projections.publishers.level_keys import site_of

# A handling unit is a location too, but nobody runs out of stock in a box.
HANDLING_UNIT = "sscc:"


class SiteLevel(NamedTuple):
    """What is available of a SKU at a site; `stock_out` is the alert that holds, if one does."""

    available: int
    scale: int
    stock_out: str | None = None


class Alert(NamedTuple):
    """An alert to be kept. `ends` is the one that does not hold any more."""

    alert_id: str
    type: str
    sku: str
    site: str
    log_offset: int | None
    raised_ms: int
    document: str
    ends: str | None = None

    @property
    def active(self) -> bool:
        """Whether it says something that goes on."""
        return self.ends is None


Key = tuple[str, str]


class SiteLevels:
    """Grows by one movement after the other; `changed` and `alerts` are to be written."""

    def __init__(self, ledger_id: str, partition: int, known: Mapping[Key, SiteLevel]) -> None:
        """`known` has the sites of all SKUs that will come."""
        self.changed: dict[Key, SiteLevel] = {}
        self.alerts: list[Alert] = []
        self._known = known
        self._ledger_id = ledger_id
        self._partition = partition

    def add(self, movement: Mapping[str, Any]) -> None:
        """Take in a row of `movements`. They come in the order of their offsets."""
        for site, change in _changes(movement):
            key = movement["sku"], site
            before = self.changed.get(key) or self._known.get(key)
            before = before or SiteLevel(0, movement["scale"])
            level = before._replace(available=before.available + change, scale=movement["scale"])
            if before.available > 0 >= level.available and before.stock_out is None:
                level = level._replace(stock_out=self._run_out(movement, site, level))
            elif level.available > 0 and before.stock_out is not None:
                self._come_back(movement, site, level)
                level = level._replace(stock_out=None)
            self.changed[key] = level

    def _run_out(self, movement: Mapping[str, Any], site: str, level: SiteLevel) -> str:
        return self._raise(StockOutData(**self._data(movement, site, level)), STOCK_OUT, movement)

    def _come_back(self, movement: Mapping[str, Any], site: str, level: SiteLevel) -> None:
        data = BackInStockData(**self._data(movement, site, level), ends=level.stock_out or "")
        self._raise(data, BACK_IN_STOCK, movement)

    def _data(self, movement: Mapping[str, Any], site: str, level: SiteLevel) -> dict[str, Any]:
        return {
            "sku": movement["sku"],
            "site": site,
            "available": quantities.text(level.available, level.scale),
            "scale": level.scale,
            "movement": movement["id"],
            "position": position_text(self._partition, movement["log_offset"]),
        }

    def _raise(
        self, data: StockOutData | BackInStockData, kind: str, movement: Mapping[str, Any]
    ) -> str:
        identity = f"{data.position}/{kind.split('.')[1]}/{data.site}"
        time = codes.instant_text(movement["recorded_ms"] * 1000)
        self.alerts.append(
            Alert(
                identity,
                kind,
                data.sku,
                data.site,
                movement["log_offset"],
                movement["recorded_ms"],
                document(self._ledger_id, kind, (identity, data.sku, time), data).decode(),
                getattr(data, "ends", None),
            )
        )
        return identity


def _changes(movement: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Site and change of what is available there; inside a site nothing changes by a transfer."""
    changes: dict[str, int] = {}
    for end, sign in (("source", -1), ("target", 1)):
        # Only real accounts have a status.
        if movement[f"{end}_status"] == AVAILABLE:
            site = site_of(movement[end])
            changes[site] = changes.get(site, 0) + sign * movement["quantity"]
    for site, change in changes.items():
        if change and not site.startswith(HANDLING_UNIT):
            yield site, change
