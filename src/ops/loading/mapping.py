"""The TOML mapping: which rows are skipped, and what movement each other row is.

[source]                          # optional
time_zone = "Europe/London"
[fields]                          # of every movement; a type that has no such field omits it
id = "{InvoiceNo}-{line}"         # without it: the file's content and the line
sku = "{StockCode}"
occurred_at = { column = "InvoiceDate", date = "%Y-%m-%d %H:%M:%S" }
[[skip]]
reason = "not goods"
when = { column = "StockCode", matches = "POST|D|M" }
[[rule]]                          # the first whose conditions all hold
type = "pick"
fields = { quantity = "{Quantity}" }
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from ledger.domain.movements import WireCommand
from ops.console import CommandError
from ops.loading.rows import Format, LineError, Row
from ops.loading.values import (
    Condition,
    Context,
    Make,
    Test,
    compile_condition,
    compile_template,
    compile_value,
    find_zone,
)

IDENTITY_LENGTH = 20
ID_DEFAULT = "{file}-{line}"
_COMMANDS = {kind.__struct_config__.tag: kind for kind in get_args(WireCommand)}
Conditions = Condition | list[Condition]
Document = TypeVar("Document")
Skips = list[tuple[str, tuple[Test, ...]]]


class SourceSpec(msgspec.Struct, forbid_unknown_fields=True):
    """How the file is read."""

    format: Format | None = None
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    time_zone: str | None = None


class SkipSpec(msgspec.Struct, forbid_unknown_fields=True):
    """Rows that are left out, and counted under the reason."""

    reason: str
    when: Conditions


class RuleSpec(msgspec.Struct, forbid_unknown_fields=True):
    """Rows that are movements of one type."""

    type: str
    when: Conditions = []
    fields: dict[str, Any] = {}


class Mapping(msgspec.Struct, forbid_unknown_fields=True):
    """The whole document."""

    rule: list[RuleSpec]
    source: SourceSpec = msgspec.field(default_factory=SourceSpec)
    fields: dict[str, Any] = {}
    skip: list[SkipSpec] = []


class Skipped(msgspec.Struct, frozen=True):
    """A row that is left out on purpose."""

    reason: str


class Rule(msgspec.Struct, frozen=True):
    """A compiled rule: its conditions, its type, its fields and which of them must not be empty."""

    tests: tuple[Test, ...]
    type: str
    fields: tuple[tuple[str, Make, bool], ...]
    reference: tuple[Make, Make] | None


class Mapper:
    """Makes the document of a movement from a row."""

    def __init__(self, skips: Skips, rules: list[Rule]) -> None:
        """Compiled by `compile_mapping`."""
        self._skips = skips
        self._rules = rules

    def movement(self, row: Row) -> dict[str, Any] | Skipped:
        """The movement, or why the row is left out. Raises LineError."""
        if row.problem is not None:
            raise LineError(row.problem)
        if (reason := skip_reason(self._skips, row)) is not None:
            return Skipped(reason)
        for rule in self._rules:
            if _all_hold(rule.tests, row):
                return _apply(rule, row)
        raise LineError("no rule of the mapping fits")


def read_mapping(path: Path) -> Mapping:
    """Read the document, or say in one sentence what is wrong with it."""
    mapping = read_document(path, Mapping)
    if not mapping.rule:
        raise CommandError(f"{path}: there is no [[rule]]")
    check_source(path, mapping.source)
    return mapping


def read_document(path: Path, kind: type[Document]) -> Document:
    """A TOML file as this struct, or one sentence about what is wrong with it."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), kind)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise CommandError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        # Not only tomllib's own: also of numbers too long, and of arrays too deep.
        raise CommandError(f"{path} is no TOML: {error}") from None


def check_source(path: Path, source: SourceSpec) -> None:
    """See what the form of the document cannot say."""
    if len(source.delimiter) != 1:
        raise CommandError(f"{path}: source.delimiter is one character")
    find_zone(source.time_zone, f"{path}: source.time_zone")


def compile_mapping(mapping: Mapping, columns: list[str] | None, identity: str) -> Mapper:
    """See that the mapping fits the file and the movement types, before anything is sent."""
    context = Context(columns, identity[:IDENTITY_LENGTH], mapping.source.time_zone)
    skips = compile_skips(mapping.skip, context)
    known = {name for kind in _COMMANDS.values() for name in _field_names(kind)}
    refuse_unknown(mapping.fields, known, "fields")
    common = {
        name: _field(name, value, f"fields.{name}", context)
        for name, value in ({"id": ID_DEFAULT} | mapping.fields).items()
    }
    rules = [
        _compile_rule(rule, common, f"rule {number} ({rule.type})", context)
        for number, rule in enumerate(mapping.rule, start=1)
    ]
    return Mapper(skips, rules)


def compile_skips(skips: list[SkipSpec], context: Context) -> Skips:
    """Reasons and tests of the rows that are left out."""
    return [
        (skip.reason, _conditions(skip.when, f"skip {number}", context))
        for number, skip in enumerate(skips, start=1)
    ]


def skip_reason(skips: Skips, row: Row) -> str | None:
    """Why a row is left out; None if it is not. Raises LineError."""
    for reason, tests in skips:
        if _all_hold(tests, row):
            return reason
    return None


def _compile_rule(
    spec: RuleSpec, common: dict[str, Make | tuple[Make, Make]], where: str, context: Context
) -> Rule:
    kind = _COMMANDS.get(spec.type)
    if kind is None:
        raise CommandError(f"{where}: a type is one of {', '.join(sorted(map(str, _COMMANDS)))}")
    names = _field_names(kind)
    refuse_unknown(spec.fields, names, where)
    fields = {name: made for name, made in common.items() if name in names}
    for name, value in spec.fields.items():
        fields[name] = _field(name, value, f"{where}: {name}", context)
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    missing = sorted(required - fields.keys())
    if missing:
        raise CommandError(f"{where}: the field {missing[0]} is missing")
    reference = fields.pop("reference", None)
    return Rule(
        _conditions(spec.when, where, context),
        spec.type,
        tuple(
            (name, make, name in required or name == "id")
            for name, make in fields.items()
            if not isinstance(make, tuple)
        ),
        reference if isinstance(reference, tuple) else None,
    )


def _field(name: str, value: Any, where: str, context: Context) -> Make | tuple[Make, Make]:
    if name != "reference":
        return compile_value(value, where, context)
    if not isinstance(value, dict) or value.keys() != {"type", "id"}:
        raise CommandError(f'{where}: expected {{ type = "…", id = "…" }}')
    if not all(isinstance(one, str) for one in value.values()):
        raise CommandError(f"{where}: type and id are texts")
    return (
        compile_template(value["type"], where, context),
        compile_template(value["id"], where, context),
    )


def _conditions(when: Conditions, where: str, context: Context) -> tuple[Test, ...]:
    every = when if isinstance(when, list) else [when]
    return tuple(compile_condition(one, where, context) for one in every)


def _field_names(kind: Any) -> set[str]:
    return set(kind.__struct_fields__)


def refuse_unknown(given: Iterable[str], known: set[str], where: str) -> None:
    """A field that is not known would be left out without a word."""
    unknown = sorted(set(given) - known)
    if unknown:
        raise CommandError(
            f"{where}: there is no field {unknown[0]}; there are {', '.join(sorted(known))}"
        )


def _all_hold(tests: tuple[Test, ...], row: Row) -> bool:
    for test in tests:  # noqa: SIM110 - a generator here would cost more than the tests
        if not test(row):
            return False
    return True


def _apply(rule: Rule, row: Row) -> dict[str, Any]:
    movement: dict[str, Any] = {"type": rule.type}
    for name, make, required in rule.fields:
        try:
            value = make(row)
        except LineError as error:
            raise LineError(f"{name}: {error}") from None
        if value:
            movement[name] = value
        elif required:
            raise LineError(f"{name} is empty")
    if rule.reference is not None:
        kind, identity = (make(row) for make in rule.reference)
        # A reference without an id refers to nothing.
        if identity:
            movement["reference"] = {"type": kind, "id": identity}
    return movement
