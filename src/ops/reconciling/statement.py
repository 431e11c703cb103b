"""A file of another system, read as a statement of stock. The TOML says how:

[source]                          # optional, as for `stockledger load`; so is [[skip]]
[fields]
sku = "{Article}"
quantity = "{On Hand}"
location = "WAREHOUSE/{Bin}"      # optional, as are lot and status: what is there is compared
status = { column = "Stock Type", map = { F = "available", Q = "quarantined" } }
[statement]                       # optional
location = "exact"                # "below": with all places below it; 1: the site; 2: two parts
within = ["WAREHOUSE"]            # the places the statement speaks of, with those below
statuses = ["available"]          # and the statuses
complete = true                   # what it does not name, it says is not there
doubled = "sum"                   # lines of one key are added up; "refuse": they are unreadable
decimal_mark = ","
group_mark = "."
spread = "refuse"                 # "largest": where it cannot be said which stock key is wrong
place = "WAREHOUSE/FOUND"         # where goods are found that no place is known of
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from ledger.domain import codes
from ledger.domain.stock import AVAILABLE
from ops.console import CommandError
from ops.loading.mapping import (
    Skips,
    SkipSpec,
    SourceSpec,
    check_source,
    compile_skips,
    read_document,
    refuse_unknown,
    skip_reason,
)
from ops.loading.rows import LineError, Row
from ops.loading.values import Context, Make, compile_value
from ops.reconciling.compare import Doubled, Stated, Unreadable
from ops.reconciling.keys import EXACT, Level, StockKey, is_within
from ops.reconciling.proposals import Spread

REQUIRED = ("sku", "quantity")
FIELDS = frozenset({*REQUIRED, "location", "lot", "status"})
PARTS_MAX = 20
# What a part of the key is where the statement does not have it; it is not compared then.
NOT_STATED = ""


class Terms(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a statement speaks of, and how it is to be taken."""

    location: Literal["exact", "below"] | int = "exact"
    within: list[str] = []
    statuses: list[str] = []
    complete: bool = True
    doubled: Doubled = "sum"
    decimal_mark: str = "."
    group_mark: str = ""
    spread: Spread = "refuse"
    place: str | None = None


class StatementMapping(msgspec.Struct, forbid_unknown_fields=True):
    """The whole document."""

    fields: dict[str, Any]
    source: SourceSpec = msgspec.field(default_factory=SourceSpec)
    skip: list[SkipSpec] = []
    statement: Terms = msgspec.field(default_factory=Terms)

    @property
    def level(self) -> Level:
        """What is compared: what the statement has."""
        where = self.statement.location
        named = "location" in self.fields
        parts = where if isinstance(where, int) else EXACT
        return Level(
            parts if named else None,
            named and where == "below",
            "lot" in self.fields,
            "status" in self.fields,
        )


class Statement(msgspec.Struct):
    """The lines that were read, those that could not be, and those left out, by reason."""

    lines: list[Stated] = []
    unreadable: list[Unreadable] = []
    skipped: dict[str, int] = {}
    count: int = 0


def read_statement_mapping(path: Path) -> StatementMapping:
    """Read the document, or say in one sentence what is wrong with it."""
    mapping = read_document(path, StatementMapping)
    check_source(path, mapping.source)
    refuse_unknown(mapping.fields, set(FIELDS), f"{path}: fields")
    for name in REQUIRED:
        if name not in mapping.fields:
            raise CommandError(f"{path}: fields: the field {name} is missing")
    for why in _wrong_terms(mapping):
        raise CommandError(f"{path}: statement.{why}")
    return mapping


def _wrong_terms(mapping: StatementMapping) -> Iterator[str]:
    terms = mapping.statement
    if isinstance(terms.location, int) and not 1 <= terms.location <= PARTS_MAX:
        yield f'location: expected "exact", "below" or 1 to {PARTS_MAX} leading parts'
    if terms.location != "exact" and "location" not in mapping.fields:
        yield "location: there is no field location"
    places = [*terms.within, *([] if terms.place is None else [terms.place])]
    yield from (f"within and place: {wrong.detail}" for wrong in map(codes.check_location, places)
                if wrong is not None)  # fmt: skip
    yield from (f"statuses: {wrong.detail}" for wrong in map(codes.check_status, terms.statuses)
                if wrong is not None)  # fmt: skip
    if len(terms.decimal_mark) != 1 or terms.decimal_mark.isalnum():
        yield "decimal_mark: expected one sign, such as a point or a comma"
    if terms.group_mark and (len(terms.group_mark) != 1 or terms.group_mark.isalnum()):
        yield "group_mark: expected one sign, such as a comma, or nothing"
    if terms.group_mark == terms.decimal_mark:
        yield "group_mark: it cannot be the decimal mark, too"


class Reader:
    """Makes lines of a statement from the rows of a file."""

    def __init__(self, mapping: StatementMapping, columns: list[str] | None, identity: str) -> None:
        """Raises CommandError where the mapping does not fit the file."""
        context = Context(columns, identity, mapping.source.time_zone)
        self._terms = mapping.statement
        self._skips: Skips = compile_skips(mapping.skip, context)
        self._number = _number(self._terms)
        self._makes: dict[str, Make] = {
            name: compile_value(value, f"fields.{name}", context)
            for name, value in mapping.fields.items()
        }

    def read(self, rows: Iterator[Row]) -> Statement:
        """Every row, in order."""
        statement = Statement()
        for row in rows:
            statement.count += 1
            try:
                self._read_row(row, statement)
            except LineError as error:
                statement.unreadable.append(Unreadable(row.line, str(error)))
        return statement

    def _read_row(self, row: Row, statement: Statement) -> None:
        if row.problem is not None:
            raise LineError(row.problem)
        reason = skip_reason(self._skips, row)
        if reason is not None:
            statement.skipped[reason] = statement.skipped.get(reason, 0) + 1
            return
        values = {name: self._value(name, row) for name in self._makes if name != "quantity"}
        at = StockKey(
            values["sku"],
            values.get("location", NOT_STATED),
            values.get("lot", NOT_STATED),
            values.get("status", NOT_STATED),
        )
        self._check(at)
        try:
            quantity = self._number(self._makes["quantity"](row))
        except LineError as error:
            # Its key is certain, so no other key is in doubt.
            statement.lines.append(Stated(row.line, at, problem=f"quantity: {error}"))
        else:
            statement.lines.append(Stated(row.line, at, quantity))

    def _value(self, name: str, row: Row) -> str:
        try:
            value = self._makes[name](row)
        except LineError as error:
            raise LineError(f"{name}: {error}") from None
        if not value and name == "status":
            return AVAILABLE
        if not value and name != "lot":
            raise LineError(f"{name} is empty")
        return value

    def _check(self, at: StockKey) -> None:
        wrong = codes.check_sku(at.sku)
        if wrong is None and at.location:
            wrong = codes.check_location(at.location)
        if wrong is None and at.lot:
            wrong = codes.check_lot(at.lot)
        if wrong is None and at.status:
            wrong = codes.check_status(at.status)
        if wrong is not None:
            raise LineError(wrong.detail)
        terms = self._terms
        if at.location and not is_within(at.location, terms.within):
            raise LineError(f"{at.location} is not within {', '.join(terms.within)}")
        if at.status and terms.statuses and at.status not in terms.statuses:
            raise LineError(f"{at.status} is not one of the statement's statuses")


def _number(terms: Terms) -> Callable[[str], str]:
    """Writes a number with the marks of the statement as a plain decimal, if it is one."""
    decimal, group = re.escape(terms.decimal_mark), re.escape(terms.group_mark)
    whole = rf"\d+|\d{{1,3}}(?:{group}\d{{3}})+" if group else r"\d+"
    pattern = re.compile(rf"([+-]?)({whole})(?:{decimal}(\d+))?", re.ASCII)
    example = f"1{terms.group_mark}234{terms.decimal_mark}5"

    def plain(value: str) -> str:
        match = pattern.fullmatch(value)
        if match is None:
            raise LineError(f"{value!r} is no number such as {example}")
        sign = "-" if match[1] == "-" else ""
        digits = match[2].replace(terms.group_mark, "") if terms.group_mark else match[2]
        return f"{sign}{digits}.{match[3]}" if match[3] else f"{sign}{digits}"

    return plain
