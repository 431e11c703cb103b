"""What pydantic finds wrong with a value, in words of whoever wrote it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic_core import ErrorDetails

# How pydantic names an exact bound.
_EXACT: Final = re.compile(r"Decimal\('(.*)'\)")


def _bound(value: object) -> str:
    return _EXACT.sub(r"\1", str(value)).removesuffix(".0")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


_Say = Callable[[Mapping[str, Any]], str]


def _same(sentence: str, *kinds: str) -> dict[str, _Say]:
    return dict.fromkeys(kinds, lambda _: sentence)


# By pydantic's name of what is wrong; what is not here, it says well itself.
_SENTENCES: Final[dict[str, _Say]] = {
    "greater_than": lambda of: f"it is more than {_bound(of['gt'])}",
    "greater_than_equal": lambda of: f"it is at least {_bound(of['ge'])}",
    "less_than": lambda of: f"it is less than {_bound(of['lt'])}",
    "less_than_equal": lambda of: f"it is at most {_bound(of['le'])}",
    "too_short": lambda of: f"it has at least {_counted(of['min_length'], 'item')}",
    "too_long": lambda of: f"it has at most {_counted(of['max_length'], 'item')}",
    "string_too_short": lambda of: f"it has at least {_counted(of['min_length'], 'character')}",
    "string_too_long": lambda of: f"it has at most {_counted(of['max_length'], 'character')}",
    "decimal_max_digits": lambda of: f"it has at most {_counted(of['max_digits'], 'digit')}",
    "decimal_max_places": lambda of: (
        f"it has at most {_counted(of['decimal_places'], 'decimal place')}"
    ),
    "decimal_whole_digits": lambda of: (
        f"it has at most {_counted(of['whole_digits'], 'digit')} before the point"
    ),
    "literal_error": lambda of: f"expected {of['expected']}",
    **_same("it is missing", "missing"),
    **_same("there is no such field", "extra_forbidden"),
    **_same("expected a text", "string_type"),
    **_same("expected true or false", "bool_type", "bool_parsing"),
    **_same(
        "expected a whole number", "int_type", "int_parsing", "int_parsing_size", "int_from_float"
    ),
    **_same("expected a number", "float_type", "float_parsing", "decimal_type", "decimal_parsing"),
    **_same("expected a finite number", "finite_number"),
    **_same("expected a list", "list_type", "set_type", "tuple_type"),
    **_same("expected an object", "dict_type", "model_type", "model_attributes_type"),
}


def in_words(error: ErrorDetails, forms: Mapping[str, str]) -> str:
    """One sentence. `forms` says by its pattern what a text should be."""
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch" and context["pattern"] in forms:
        return f"expected {forms[context['pattern']]}"
    say = _SENTENCES.get(error["type"])
    return str(error["msg"]).removeprefix("Value error, ") if say is None else say(context)
