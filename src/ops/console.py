"""What every command shares: where it prints, and how it fails."""

import os
import sys
from enum import IntEnum
from typing import Final, NoReturn

import msgspec
from rich.console import Console

# Any that no table has.
WIDTH_WITHOUT_EDGE: Final = 1_000_000


class ExitCode(IntEnum):
    """Why a command ended. Scripts rely on the numbers; they are never renumbered."""

    GOOD = 0
    FOUND_WRONG = 1
    USAGE = 2
    UNAVAILABLE = 3
    INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on; the text is all that its user needs."""

    def __init__(self, detail: str, code: ExitCode = ExitCode.USAGE) -> None:
        """Say what is wrong in a sentence, and with which code the process ends."""
        super().__init__(detail)
        self.code = code


def stderr() -> Console:
    """Where progress and messages to people go, so that stdout stays for results."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def stdout() -> Console:
    """Where results for people go. What is no terminal has no edge that a table must end at."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_EDGE
    return console


def print_document(document: object) -> None:
    """Print the one JSON document of `--json`."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    sys.stdout.write("\n")
    sys.stdout.flush()


def drop_stdout() -> None:
    """Nobody reads it any more: what was written and what is still waiting goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(error: CommandError) -> NoReturn:
    """Say what is wrong and end the process."""
    sys.stderr.write(f"stockledger: {error}\n")
    raise SystemExit(int(error.code))
