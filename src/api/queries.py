"""Reading a query string: nothing unknown, nothing twice, nothing malformed."""

from collections.abc import Collection
from urllib.parse import parse_qsl

from starlette.requests import Request

from api.limits import LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, QUERY_FIELDS_MAX
from api.problems import Problem
from ledger.domain import codes
from ledger.domain.context import MICROSECONDS_PER_DAY
from ledger.domain.rejections import Rejected
from projections.cursors import CURSOR_LENGTH_MAX

Query = dict[str, str]


def read_query(request: Request, allowed: Collection[str]) -> Query:
    """The parameters by name. One that the operation does not know is refused: a misspelt filter
    that is silently ignored gives an answer to another question."""
    raw: bytes = request.scope["query_string"]
    if not raw:
        return {}
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=QUERY_FIELDS_MAX,
        )
    except ValueError:
        raise Problem("invalid_request", "the query string is malformed") from None
    query: Query = {}
    for name, value in pairs:
        if name not in allowed:
            known = f"known are {', '.join(sorted(allowed))}" if allowed else "there is none"
            raise Problem("invalid_request", f"unknown query parameter {name[:50]!r}; {known}")
        if name in query:
            raise Problem("invalid_request", f"the query parameter {name} is given twice")
        query[name] = value
    return query


def flag(query: Query, name: str) -> bool:
    """A boolean that is false where it is missing."""
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise Problem("invalid_request", f"{name} is true or false")
    return value == "true"


def limit(query: Query) -> int:
    """How many items of a list are wanted."""
    text = query.get("limit")
    if text is None:
        return LIST_LIMIT_DEFAULT
    if text.isascii() and text.isdigit() and len(text) <= len(str(LIST_LIMIT_MAX)):
        number = int(text)
        if 0 < number <= LIST_LIMIT_MAX:
            return number
    raise Problem("invalid_request", f"limit is 1 to {LIST_LIMIT_MAX}")


def cursor(query: Query) -> str | None:
    """Where a list goes on; what it holds is the view's matter."""
    text = query.get("cursor")
    if text is None:
        return None
    if 0 < len(text) <= CURSOR_LENGTH_MAX and text.isascii() and text.isprintable():
        return text
    raise bad_cursor()


def bad_cursor() -> Problem:
    """The cursor is not one that a list gave."""
    return Problem("invalid_request", "the cursor is not one that this list gave")


def checked_id(text: str) -> str:
    """An id of good form."""
    return _checked(text, codes.check_id(text))


def checked_sku(text: str) -> str:
    """A SKU of good form."""
    return _checked(text, codes.check_sku(text))


def optional_sku(query: Query) -> str | None:
    """The SKU, if one is given."""
    return checked_sku(query["sku"]) if "sku" in query else None


def optional_location(query: Query) -> str | None:
    """The location, if one is given."""
    text = query.get("location")
    return None if text is None else _checked(text, codes.check_location(text))


def optional_site(query: Query) -> str | None:
    """The site, if one is given."""
    site = query.get("site")
    if site is not None and ("/" in site or codes.check_location(site) is not None):
        raise Problem("invalid_location", "a site is the first segment of a location, such as MAIN")
    return site


def optional_run(query: Query) -> str | None:
    """The id of a planning run, if one is given."""
    return checked_id(query["run"]) if "run" in query else None


def optional_lot(query: Query) -> str | None:
    """The lot, if one is given."""
    text = query.get("lot")
    return None if text is None else _checked(text, codes.check_lot(text))


def optional_status(query: Query) -> str | None:
    """The stock status, if one is given."""
    text = query.get("status")
    return None if text is None else _checked(text, codes.check_status(text))


def optional_instant(query: Query, name: str) -> int | None:
    """Microseconds since 1970, if an instant is given."""
    text = query.get(name)
    if text is None:
        return None
    instant = codes.instant(text)
    if isinstance(instant, Rejected):
        raise Problem(instant.code, f"{name}: {instant.detail}")
    return instant


def optional_day_end(query: Query, name: str) -> int | None:
    """Microseconds since 1970 of the end of a day (UTC), if one is given as YYYY-MM-DD."""
    text = query.get(name)
    if text is None:
        return None
    # The first instant behind the day, without leaving the calendar.
    day = codes.instant(f"{text}T00:00:00Z") if len(text) == len("2026-12-31") else None
    if not isinstance(day, int):
        raise Problem("invalid_time", f"{name} is a day such as 2026-12-31")
    return day + MICROSECONDS_PER_DAY


def _checked(text: str, wrong: Rejected | None) -> str:
    if wrong is not None:
        raise Problem(wrong.code, wrong.detail)
    return text
