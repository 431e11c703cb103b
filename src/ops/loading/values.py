"""How one field of a movement is made from the columns of a row."""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ledger.domain.quantities import SCALED_MAX
from ops.console import CommandError
from ops.loading.rows import LineError, Row, text

Make = Callable[[Row], str]
Test = Callable[[Row], bool]

TESTS_CACHED_MAX = 16_384
# A form is tried by writing it and reading that again.
_SAMPLE = datetime(2001, 12, 28, 23, 58, 59, tzinfo=UTC)
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class FieldSpec(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A field that needs more than a template. Steps apply in this order."""

    column: str | None = None
    template: str | None = None
    map: dict[str, str] | None = None
    default: str | None = None
    absolute: bool = False
    date: str | None = None
    time_zone: str | None = None


class Condition(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A test of one column; all that are given must hold."""

    column: str
    equals: str | None = None
    one_of: list[str] | None = None
    starts_with: str | None = None
    matches: str | None = None
    less_than: str | int | None = None
    greater_than: str | int | None = None
    empty: bool | None = None


class Context(msgspec.Struct, frozen=True):
    """What all fields of a mapping share."""

    columns: Collection[str] | None
    file_identity: str
    time_zone: str | None


def compile_value(value: Any, where: str, context: Context) -> Make:
    """Make the function behind a template, a whole number or a table."""
    if isinstance(value, bool | float) or not isinstance(value, str | int | dict):
        raise CommandError(f'{where}: expected a text such as "{{Quantity}}" or a table')
    if isinstance(value, int):
        if abs(value) > SCALED_MAX:
            raise CommandError(f"{where}: a number is at most 10^18")
        return lambda _row, constant=str(value): constant  # type: ignore[misc]
    if isinstance(value, str):
        return compile_template(value, where, context)
    try:
        spec = msgspec.convert(value, FieldSpec)
    except msgspec.ValidationError as error:
        raise CommandError(f"{where}: {error}") from None
    return _compile_spec(spec, where, context)


def compile_template(template: str, where: str, context: Context) -> Make:
    """Make the function that fills in `{Column}`, `{line}` and `{file}`; `{{` is a brace."""
    parts: list[str | Make] = []
    position = 0
    for match in _PLACEHOLDER.finditer(template):
        parts.append(template[position : match.start()])
        position = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1] is None:
            raise CommandError(f"{where}: a brace without its partner; write {{{{ or }}}}")
        elif match[1] == "line":
            parts.append(lambda row: str(row.line))
        elif match[1] == "file":
            parts.append(context.file_identity)
        else:
            parts.append(compile_column(match[1], where, context))
    parts.append(template[position:])
    makers = [part for part in parts if part != ""]
    if len(makers) == 1 and not isinstance(makers[0], str):
        return makers[0]
    if all(isinstance(part, str) for part in makers):
        constant = "".join(part for part in makers if isinstance(part, str))
        return lambda _row: constant
    return lambda row: "".join(part if isinstance(part, str) else part(row) for part in makers)


def compile_column(name: str, where: str, context: Context) -> Make:
    """Make the function that reads a column, after seeing that the file has it."""
    if context.columns is not None and name not in context.columns:
        raise CommandError(
            f"{where}: the file has no column {name!r}; it has {', '.join(context.columns)}"
        )

    def read(row: Row) -> str:
        try:
            value = row.values[name]
        except KeyError:
            raise LineError(f"there is no {name!r}") from None
        # Nearly all are; this runs several times for every row.
        return value.strip() if type(value) is str else text(value)

    return read


def compile_condition(spec: Condition, where: str, context: Context) -> Test:
    """Make the function that tests a row."""
    read = compile_column(spec.column, where, context)
    tests = _tests(spec, where)
    if not tests:
        raise CommandError(
            f"{where}: a condition needs equals, one_of, starts_with, matches, less_than, "
            "greater_than or empty"
        )

    # A column has few different values beside the number of its rows.
    @lru_cache(maxsize=TESTS_CACHED_MAX)
    def holds(value: str) -> bool:
        return all(test(value) for test in tests)

    return lambda row: holds(read(row))


def _tests(spec: Condition, where: str) -> list[Callable[[str], bool]]:
    tests: list[Callable[[str], bool]] = []
    if spec.equals is not None:
        tests.append(spec.equals.__eq__)
    if spec.one_of is not None:
        tests.append(frozenset(spec.one_of).__contains__)
    if spec.starts_with is not None:
        start = spec.starts_with
        tests.append(lambda value: value.startswith(start))
    if spec.matches is not None:
        pattern = _pattern(spec.matches, where)
        tests.append(lambda value: pattern.fullmatch(value) is not None)
    if spec.empty is not None:
        wanted = spec.empty
        tests.append(lambda value: (value == "") is wanted)
    return tests + _number_tests(spec, where)


def _number_tests(spec: Condition, where: str) -> list[Callable[[str], bool]]:
    tests: list[Callable[[str], bool]] = []
    if spec.less_than is not None:
        above = _limit(spec.less_than, where)
        tests.append(lambda value: _decimal(value) < above)
    if spec.greater_than is not None:
        below = _limit(spec.greater_than, where)
        tests.append(lambda value: _decimal(value) > below)
    return tests


def _pattern(pattern: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise CommandError(f"{where}: {pattern[:100]!r} is no pattern: {error}") from None


def _compile_spec(spec: FieldSpec, where: str, context: Context) -> Make:
    if (spec.column is None) == (spec.template is None):
        raise CommandError(f"{where}: give either a column or a template")
    if spec.column is not None:
        make = compile_column(spec.column, where, context)
    else:
        make = compile_template(spec.template or "", where, context)
    if spec.map is not None:
        make = _mapped(make, spec.map, spec.default)
    elif spec.default is not None:
        make = _defaulted(make, spec.default)
    if spec.absolute:
        make = _absolute(make)
    # Also one that nothing is read by: whoever wrote it meant something.
    zone = find_zone(spec.time_zone or context.time_zone, where)
    if spec.date is not None:
        _check_form(spec.date, where)
        make = _dated(make, spec.date, zone)
    return make


def _mapped(make: Make, table: dict[str, str], default: str | None) -> Make:
    def mapped(row: Row) -> str:
        value = make(row)
        found = table.get(value, default)
        if found is None:
            raise LineError(f"{value!r} is not in the map")
        return found

    return mapped


def _defaulted(make: Make, default: str) -> Make:
    return lambda row: make(row) or default


def _absolute(make: Make) -> Make:
    # Of the text, so that nothing is rounded on the way.
    return lambda row: value[1:] if (value := make(row)).startswith(("+", "-")) else value


def _dated(make: Make, form: str, zone: ZoneInfo | None) -> Make:
    return lambda row: _instant(value, form, zone) if (value := make(row)) else ""


def _check_form(form: str, where: str) -> None:
    """A form that Python cannot read would refuse each line."""
    if form == "iso":
        return
    why = "no part of a date is in it"
    try:
        written = _SAMPLE.strftime(form)
        datetime.strptime(written, form)  # noqa: DTZ007 - its zone, if any, is of no interest
        if written != form:
            return
    except re.error:
        why = "a part of it is there twice"
    except ValueError as error:
        why = str(error)
    raise CommandError(f"{where}: {form!r} is no form of a date: {why}")


@lru_cache(maxsize=65_536)
def _instant(value: str, form: str, zone: ZoneInfo | None) -> str:
    try:
        iso = form == "iso"
        moment = datetime.fromisoformat(value) if iso else datetime.strptime(value, form)  # noqa: DTZ007
    except ValueError:
        raise LineError(f"{value!r} is no date of the form {form}") from None
    if moment.tzinfo is None:
        if zone is None:
            raise LineError(f"{value!r} names no time zone, and the mapping names none")
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise LineError(f"{value!r} lies outside the calendar") from None


def find_zone(name: str | None, where: str) -> ZoneInfo | None:
    """The zone of this name, if one is named. Raises CommandError where there is none such."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CommandError(f"{where}: there is no time zone {name!r}") from None


def _limit(number: str | int, where: str) -> Decimal:
    try:
        limit = Decimal(number)
    except InvalidOperation:
        limit = Decimal("NaN")
    if limit.is_nan():
        raise CommandError(f"{where}: {number!r} is no number")
    return limit


def _decimal(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise LineError(f"{value!r} is no number") from None
    if number.is_nan():
        raise LineError(f"{value!r} is no number")
    return number
