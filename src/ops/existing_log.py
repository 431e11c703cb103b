"""Opening a log to read it alone: nothing is made, and no right to write is needed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ledger.config import Settings, open_log
from ledger.errors import LedgerError, LogUnavailable
from ledger.log import EventLog
from ledger.presence import is_file
from ledger.replay.reading import LogDamaged, is_damage
from ops.console import CommandError, ExitCode


@asynccontextmanager
async def existing_log(settings: Settings) -> AsyncIterator[EventLog]:
    """The log of the settings, open, closed in the end.

    Raises CommandError if there is none, LogDamaged, and what opening a log raises.
    """
    check_log_file(settings)
    log = open_log(settings, read_only=True)
    try:
        try:
            await log.open()
        except LogUnavailable as error:
            if is_damage(error):
                raise LogDamaged(str(error)) from error
            raise
        yield log
    finally:
        # What failed before is what matters.
        with suppress(LedgerError, OSError):
            await log.close()


def check_log_file(settings: Settings) -> None:
    """Raise CommandError where the log would be a file, and is not there or cannot be seen."""
    path = settings.log_path
    if settings.kafka_bootstrap is not None:
        return
    try:
        # A file that is empty would be made a log by whoever opens it to write.
        there = is_file(path) and path.stat().st_size > 0
    except OSError as error:
        why = error.strerror or str(error)
        raise CommandError(f"{path} cannot be read: {why}") from None
    if not there:
        raise CommandError(f"there is no log {path}", ExitCode.FOUND_WRONG)
