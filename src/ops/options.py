"""Every setting as a flag of the same name, on each command that needs settings."""

import functools
import inspect
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from ledger.config import ENV_PREFIX, Settings
from ledger.config.fields import FORMS
from ledger.wording import in_words
from ops.console import CommandError
from ops.unknown_names import unknown_names


def with_settings(command: Callable[..., None], *, warns: bool = True) -> Callable[..., None]:
    """Give a command whose first parameter is `settings` a flag for each setting.

    A flag that is not given is left to the environment, `.env` and the default, in this order.
    `warns`: what looks there like a setting and is none is said on stderr.
    """

    @functools.wraps(command)
    def wrapped(**arguments: Any) -> None:
        if warns:
            warn_of_unknown()
        given = {name: arguments.pop(name) for name in Settings.model_fields}
        settings = load_settings({name: one for name, one in given.items() if one is not None})
        command(settings, **arguments)

    own = list(inspect.signature(command).parameters.values())[1:]
    parameters = [*own, *map(_parameter, Settings.model_fields.items())]
    # Typer reads a command's flags from these two.
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in parameters}
    return wrapped


def warn_of_unknown() -> None:
    """Say which names have no effect. It is no error: other programs may have set them."""
    for unknown in unknown_names():
        sys.stderr.write(f"stockledger: {unknown}\n")


def load_settings(given: dict[str, Any]) -> Settings:
    """The settings of this process, or one clear sentence about those that are wrong."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise CommandError("; ".join(_sentence(one) for one in error.errors())) from None
    except (SettingsError, OSError, UnicodeDecodeError) as error:
        raise CommandError(f"the settings cannot be read: {error}") from None


def _parameter(setting: tuple[str, FieldInfo]) -> inspect.Parameter:
    name, field = setting
    # What is made when the settings are read, such as a name, differs from machine to machine.
    default = None if field.default_factory is not None else field.default
    help_text = f"{field.description}" + ("" if default is None else f" [{_shown(default)}]")
    flag = f"--{name.replace('_', '-')}"
    if field.annotation is bool:
        kind: Any = bool | None
        option = typer.Option(
            f"{flag}/--no-{flag[2:]}",
            help=help_text,
            rich_help_panel="Settings",
            show_default=False,
        )
    else:
        # The text goes to the settings as it is: there is one place that knows what is right.
        kind = str | None
        option = typer.Option(
            flag, help=help_text, metavar=_metavar(field.annotation), rich_help_panel="Settings",
            show_default=False,
        )  # fmt: skip
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )


def _metavar(annotation: Any) -> str:
    kinds = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    if int in kinds or float in kinds:
        return "NUMBER"
    if Path in kinds:
        return "PATH"
    return "A,B" if any(get_origin(kind) is frozenset for kind in kinds) else "TEXT"


def _shown(default: object) -> str:
    if isinstance(default, frozenset):
        return ",".join(sorted(default))
    return str(default).lower() if isinstance(default, bool) else str(default)


def _sentence(error: Any) -> str:
    text = in_words(error, FORMS)
    if not error["loc"]:
        return text
    name = str(error["loc"][0])
    return f"{name} ({ENV_PREFIX}{name.upper()}, --{name.replace('_', '-')}): {text}"
