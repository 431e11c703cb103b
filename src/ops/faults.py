"""What a failed start means, in a sentence and an exit code."""

from ledger.config import Settings
from ledger.errors import LedgerError, LogDenied, LogUnavailable
from ledger.replay.reading import is_damage
from ops.console import CommandError, ExitCode
from ops.logging import mask_text


def explain(error: BaseException, settings: Settings) -> CommandError | None:
    """The sentence for an operator, or None if it can only be a bug of ours."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, LogUnavailable):
        # Neither damage nor a wrong password mends by waiting, as a server that is away does.
        lasting = is_damage(error) or isinstance(error, LogDenied)
        code = ExitCode.FOUND_WRONG if lasting else ExitCode.UNAVAILABLE
        return CommandError(mask_text(str(error)), code)
    if _is_from_database(error):
        where = mask_text(settings.views_url)
        cause = mask_text(str(getattr(error, "orig", None) or error)).strip().split("\n", 1)[0]
        lasting = is_damage(error) or _is_denied(error)
        return CommandError(
            f"the views' database {where} cannot be used: {cause or type(error).__name__}",
            ExitCode.FOUND_WRONG if lasting else ExitCode.UNAVAILABLE,
        )
    if isinstance(error, LedgerError):
        return CommandError(mask_text(str(error)), ExitCode.FOUND_WRONG)
    if isinstance(error, OSError):
        return CommandError(mask_text(str(error)), ExitCode.UNAVAILABLE)
    return None


def _is_denied(error: BaseException) -> bool:
    from projections.engines import is_denied

    return is_denied(error)


def _is_from_database(error: BaseException) -> bool:
    from projections.database import DatabaseUnavailable

    if isinstance(error, DatabaseUnavailable):
        return True
    # By name, because this process need not have imported each driver. A refused connection comes
    # as a plain OSError, but from inside the driver.
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if modules & {"sqlalchemy", "asyncpg", "aiosqlite", "sqlite3"}:
        return True
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").startswith(("asyncpg", "aiosqlite")):
            return True
        trace = trace.tb_next
    return False
