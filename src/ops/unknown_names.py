"""Names in the environment and in `.env` that look like settings and are none."""

import os
import re
from contextlib import suppress
from difflib import get_close_matches
from typing import Final, NamedTuple

from pydantic_settings import DotEnvSettingsSource

from ledger.config import ENV_PREFIX, Settings

# Kubernetes sets these for each service in the namespace, of which one may begin like the prefix.
_SERVICE: Final = re.compile(
    r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)",
    re.ASCII,
)
_SERVICE_ADDRESS: Final = re.compile(r"(?:tcp|udp|sctp)://", re.ASCII)
_OF_TESTS: Final = "TEST_"
_LIKENESS_MIN: Final = 0.7


class Unknown(NamedTuple):
    """A name that has no effect, in which file it is set if in one, and what is most like it."""

    name: str
    file: str | None
    nearest: str | None

    @property
    def sentence(self) -> str:
        """That it is set."""
        where = "" if self.file is None else f" in {self.file}"
        return f"{self.name} is set{where}, but there is no such setting"

    @property
    def advice(self) -> str:
        """A question, since it may be some other program's."""
        return "is it misspelt?" if self.nearest is None else f"is it {self.nearest}?"

    def __str__(self) -> str:
        """As one line."""
        return self.sentence if self.nearest is None else f"{self.sentence}; {self.advice}"


def unknown_names() -> list[Unknown]:
    """Names with the prefix that are no setting: most often a setting misspelt."""
    in_file, file = _in_file()
    own = _with_prefix(dict(os.environ))
    found: dict[str, str | None] = {
        name: None for name, value in own.items() if _is_unknown(name, value)
    }
    found |= {
        name: file
        for name, value in _with_prefix(in_file).items()
        if name not in own and _is_unknown(name, value)
    }
    known = [name.upper() for name in Settings.model_fields]
    return [_unknown(name, found[name], known) for name in sorted(found)]


def _unknown(name: str, file: str | None, known: list[str]) -> Unknown:
    near = get_close_matches(name, known, n=1, cutoff=_LIKENESS_MIN)
    return Unknown(f"{ENV_PREFIX}{name}", file, f"{ENV_PREFIX}{near[0]}" if near else None)


def _in_file() -> tuple[dict[str, str | None], str]:
    """What stands in the file that settings are read from too."""
    found: dict[str, str | None] = {}
    # Whoever reads the settings says what is wrong with it.
    with suppress(OSError, UnicodeDecodeError):
        found.update(DotEnvSettingsSource(Settings).env_vars)
    return found, str(Settings.model_config["env_file"])


def _with_prefix(names: dict[str, str | None] | dict[str, str]) -> dict[str, str]:
    """Without it. Case does not matter to settings either."""
    return {
        name.upper()[len(ENV_PREFIX) :]: value or ""
        for name, value in names.items()
        if name.upper().startswith(ENV_PREFIX)
    }


def _is_unknown(name: str, value: str) -> bool:
    if name.lower() in Settings.model_fields or name.startswith(_OF_TESTS):
        return False
    of_service = name.endswith("PORT") and _SERVICE_ADDRESS.match(value) is not None
    return not of_service and _SERVICE.fullmatch(name) is None
