"""The demand view once more, slowly: one fact after the other, in fractions and dictionaries."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from ledger.domain.facts import Fact, Moved, Refused
from ledger.domain.movements import Reversal
from ledger.domain.stock import split_key
from projections.planning.days import Days
from projections.planning.reason_reading import Reasons

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# By (SKU, site), by date: what is not zero, and that something was there at all.
Picture = dict[tuple[str, str], dict[str, Counter[str]]]
VALUES = ("issued_value", "received_value", "scrapped_value", "found_value", "lost_value",
          "value_net")  # fmt: skip
LINES = ("issue_lines", "return_lines", "unmet_lines")


class Model:
    """Grows by one fact after the other."""

    def __init__(self) -> None:
        self.picture: Picture = {}
        self.reasons: Counter[tuple[Any, ...]] = Counter()

    def add_all(self, facts: Iterable[Fact]) -> "Model":
        """The facts of one partition from its beginning."""
        earlier: dict[int, Moved] = {}
        for fact in facts:
            if isinstance(fact, Refused):
                self._refused(fact)
            elif isinstance(fact, Moved):
                earlier[fact.offset] = fact
                if isinstance(fact.command, Reversal):
                    self._happened(earlier[fact.reverses_offset], -1)
                else:
                    self._happened(fact, 1)
                self._balances(fact)
        return self

    def _note(self, sku: str, place: str, date: str, **amounts: Fraction | int) -> None:
        series = self.picture.setdefault((sku, place.split("/")[0]), {})
        series.setdefault(date, Counter()).update(amounts)

    def _refused(self, fact: Refused) -> None:
        if fact.code != "insufficient_stock" or fact.type not in ("pick", "issue"):
            return
        date = (EPOCH + timedelta(milliseconds=fact.recorded_ms)).date().isoformat()
        quantity = Fraction(Decimal(fact.quantity or ""))
        self._note(fact.sku, fact.location or "", date, unmet=quantity, unmet_lines=1)

    def _happened(self, moved: Moved, sign: int) -> None:  # noqa: C901 - one case a line
        if _stays(moved):
            return
        source, target = _place(moved.source), _place(moved.target)
        quantity = sign * Fraction(moved.quantity, 10**moved.scale)
        value = sign * moved.value
        what = type(moved.command).__name__
        at: dict[str, dict[str, Fraction | int]] = {}
        if what in ("Issue", "Pick") and target == "@customer":
            at[source] = {"issued": quantity, "issue_lines": sign, "issued_value": value}
        elif what == "CustomerReturn":
            place = msgspec.to_builtins(moved.command)["location"]
            at[place] = {"returned": quantity, "return_lines": sign}
        elif what == "Receipt":
            at[target] = {"received": quantity, "received_value": value}
        elif what == "SupplierReturn":
            at[source] = {"supplier_returned": quantity}
        elif what == "Scrap":
            at[source] = {"scrapped": quantity, "scrapped_value": value}
        elif what == "Adjustment" and source == "@adjustment":
            at[target] = {"found": quantity, "found_value": value}
        elif what == "Adjustment":
            at[source] = {"lost": quantity, "lost_value": value}
        elif source.split("/")[0] != target.split("/")[0]:
            at[source], at[target] = {"moved_out": quantity}, {"moved_in": quantity}
        for place, amounts in at.items():
            self._note(moved.sku, place, _date(moved), **amounts)
            if what in ("Scrap", "Adjustment"):
                reason = moved.command.reason  # type: ignore[union-attr]
                key = (moved.sku, place.split("/")[0], _date(moved), what.lower(), reason)
                for name, amount in amounts.items():
                    self.reasons[*key, name.replace("scrapped", "lost")] += amount  # type: ignore[assignment]
                self.reasons[*key, "lines"] += sign

    def _balances(self, moved: Moved) -> None:
        if _stays(moved):
            return
        for account, sign in ((moved.source, -1), (moved.target, 1)):
            if account.startswith("@"):
                continue
            location, _, status = split_key(account)
            quantity = sign * Fraction(moved.quantity, 10**moved.scale)
            self._note(
                moved.sku,
                location,
                _date(moved),
                on_hand_net=quantity,
                available_net=quantity if status == "available" else 0,
                value_net=sign * moved.value,
            )


def picture_of(days: Days) -> Picture:
    """The same from what was read."""
    found: Picture = {}
    for index, series in enumerate(zip(days.skus, days.sites, strict=True)):
        scale = 10 ** int(days.scales[index])
        rows = range(int(days.starts[index]), int(days.starts[index + 1]))
        found[series] = {
            (EPOCH + timedelta(days=int(days.day[row]))).date().isoformat(): Counter(
                {
                    name: int(column[row]) if name in (*VALUES, *LINES)
                    else Fraction(int(column[row]), scale)
                    for name, column in days.columns.items()
                }
            )
            for row in rows
        }  # fmt: skip
    return found


def reasons_of(reasons: Reasons) -> dict[tuple[Any, ...], Fraction]:
    """What is not zero of what was read, as the model has it."""
    found = {}
    rows = zip(reasons.sku, reasons.site, reasons.day, reasons.type, reasons.reason, strict=True)
    for row, (sku, site, day, kind, reason) in enumerate(rows):
        date = (EPOCH + timedelta(days=int(day))).date().isoformat()
        for name, column in reasons.columns.items():
            quantity = name in ("lost", "found")
            amount = Fraction(int(column[row]), 10 ** int(reasons.scale[row]) if quantity else 1)
            if amount:
                found[sku, site, date, kind, reason, name] = amount
    return found


def without_zeros(picture: Picture) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """Days stay, zeros go: that something was there is kept, how a zero is written is not."""
    return {
        series: {
            date: {name: amount for name, amount in amounts.items() if amount}
            for date, amounts in sorted(dates.items())
        }
        for series, dates in sorted(picture.items())
    }


def modelled(facts: Mapping[int, list[Fact]], upto: Mapping[int, int]) -> Model:
    """The model of the records before a position."""
    model = Model()
    for partition, of_partition in facts.items():
        model.add_all(fact for fact in of_partition if fact.offset < upto.get(partition, 0))
    return model


def _place(account: str) -> str:
    return account if account.startswith("@") else split_key(account)[0]


def _date(moved: Moved) -> str:
    return (EPOCH + timedelta(microseconds=moved.occurred_us)).date().isoformat()


def _stays(moved: Moved) -> bool:
    """Whether nothing of it can be seen from outside the site."""
    if moved.source.startswith("@") or moved.target.startswith("@"):
        return False
    source, target = split_key(moved.source), split_key(moved.target)
    same_site = source[0].split("/")[0] == target[0].split("/")[0]
    return same_site and (source[2] == "available") == (target[2] == "available")
