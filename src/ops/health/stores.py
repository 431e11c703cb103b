"""Log and views: whether they answer, are set up as they must be, and agree with each other."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from ledger.config import Settings, open_log
from ledger.config.probing import CLOCK_SKEW_SECONDS_MAX, cluster_clock
from ledger.errors import LedgerError, LogDenied, LogUnavailable, WrongLedger
from ledger.log import EventLog
from ledger.replay.reading import is_damage
from ops.health.finding import Finding, away, bad, good, warn
from ops.health.paths import look_at, refused
from ops.logging import mask_text

if TYPE_CHECKING:
    from projections.database import Database

CLOCK_SECONDS_WARN = 1.0
LAG_RECORDS_WARN = 10_000
_SERVE = "serve makes it"
_DENIED = "see docs/operations.md, TLS and passwords"
_LOST = (
    "put the log back, or set data_dir right; do not serve before, that would begin a new ledger"
)


async def check_log(
    settings: Settings, stack: AsyncExitStack
) -> tuple[list[Finding], EventLog | None]:
    """What is wrong with the log, and the log, open, if nothing is."""
    where = settings.kafka_bootstrap or str(settings.log_path)
    try:
        if _has_no_file(settings):
            return [_no_log(settings)], None
        log = open_log(settings, read_only=True)
        stack.push_async_callback(_close, log)
        asked = time.monotonic()
        wrong = await log.check()
        seconds = time.monotonic() - asked
        if wrong:
            return [bad("log", mask_text(one), _advice(settings)) for one in wrong], None
        await log.open()
        if await log.end(0) == 0:
            return [warn("log", f"the log at {where} is empty", "serve opens the ledger")], log
    except LogUnavailable as error:
        found = _failed(error, settings)
    except LedgerError as error:
        found = bad("log", mask_text(str(error)), _advice(settings))
    except OSError as error:
        found = refused("log", error)
    else:
        text = f"{where}: {log.partitions} partitions, checked in {seconds:.2f} s"
        return [good("log", text)], log
    return [found], None


def _has_no_file(settings: Settings) -> bool:
    if settings.kafka_bootstrap is not None:
        return False
    there = look_at(settings.log_path)
    # As for whoever reads the log: what is empty would be made one by whoever writes to it.
    return there is None or not there.st_size


def _no_log(settings: Settings) -> Finding:
    if look_at(settings.snapshots_path) is not None:
        text = f"there is no log {settings.log_path}, though snapshots of one lie beside it"
        return bad("log", text, _LOST)
    return warn("log", f"there is no log {settings.log_path} yet", _SERVE)


def _failed(error: LogUnavailable, settings: Settings) -> Finding:
    if isinstance(error, LogDenied):
        return bad("log", mask_text(str(error)), _DENIED)
    if is_damage(error):
        return bad("log", mask_text(str(error)), _advice(settings))
    return away("log", mask_text(str(error)), _away(settings))


def _advice(settings: Settings) -> str:
    if settings.kafka_bootstrap is None:
        return "restore the file, or set data_dir to the right one"
    return "see docs/operations.md, Kafka; `stockledger topics --create` makes what is missing"


def _away(settings: Settings) -> str:
    if settings.kafka_bootstrap is None:
        return "see who holds the file, and whether the disk is well"
    return "see whether the brokers run, and kafka_bootstrap, its security and the network"


async def check_topics(settings: Settings) -> AsyncIterator[Finding]:
    """The topics that publishers write, if this process does."""
    from ledger.config.publishing import open_alerts, open_levels

    if settings.kafka_bootstrap is None or "publisher" not in settings.roles:
        return
    try:
        topics = open_levels(settings, create=False), open_alerts(settings, create=False)
    except LedgerError as error:
        yield bad("topics", mask_text(str(error)), _advice(settings))
        return
    for topic in topics:
        assert topic is not None
        try:
            wrong = await topic.check()
        except LedgerError as error:
            yield away("topics", mask_text(str(error)), _away(settings))
            return
        finally:
            with suppress(Exception):
                await topic.close()
        for one in wrong:
            yield bad("topics", mask_text(one), "serve makes what is missing; else set it right")


async def check_clock(settings: Settings) -> AsyncIterator[Finding]:
    """This machine's clock against that of the brokers."""
    if settings.kafka_bootstrap is None:
        yield good("clock", "the log is on this machine, and so is its clock")
        return
    try:
        clock = await cluster_clock(settings)
    except LedgerError:
        # What is wrong with the brokers has been said of the log.
        return
    if clock is None:
        advice = "it needs a KRaft cluster, and the right to describe it; writers measure it too"
        yield warn("clock", "the brokers do not tell what time it is", advice)
        return
    ahead = clock.ahead_seconds
    off = abs(ahead) - clock.unsure_seconds
    text = f"{abs(ahead):.3f} s {'ahead of' if ahead > 0 else 'behind'} the brokers"
    advice = "let NTP set the clocks of this machine and of the brokers"
    if off > CLOCK_SKEW_SECONDS_MAX:
        yield bad(
            "clock", f"{text}: more than {CLOCK_SKEW_SECONDS_MAX:.0f} s, nothing is written", advice
        )
    elif off > CLOCK_SECONDS_WARN:
        yield warn("clock", text, advice)
    else:
        yield good("clock", text)


async def check_views(settings: Settings, log: EventLog | None) -> AsyncIterator[Finding]:
    """The database, its tables, whose views they are, and how far they have read."""
    from projections.database import Database, sqlite_path

    database = Database(settings.views_url, read_only=True)
    where = mask_text(settings.views_url)
    if database.is_sqlite and look_at(sqlite_path(database.url)) is None:
        yield warn("database", f"there are no views at {where} yet", _SERVE)
        return
    try:
        await database.open()
        async with database.reader() as reader:
            from ops.health.tables import check_tables

            found = await check_tables(reader, where, migrates=settings.migrate)
            for finding in found:
                yield finding
        if found[0].advice is None:
            check = (
                _check_left(database, settings) if log is None else _check_reading(database, log)
            )
            async for finding in check:
                yield finding
    except LogUnavailable as error:
        yield _failed(error, settings)
    except LedgerError as error:
        yield _of_database(error, where)
    finally:
        await database.close()


def _of_database(error: LedgerError, where: str) -> Finding:
    from projections.engines import is_denied

    cause = mask_text(str(error)).split("\n", 1)[0]
    if is_damage(error):
        advice = "stop what serves, put the file aside, and serve: views are made from the log"
        return bad("database", f"{where}: {cause}", advice)
    if is_denied(error):
        return bad("database", f"{where}: {cause}", _DENIED)
    advice = "see whether it runs, database_url, its user and the network"
    return away("database", f"{where}: {cause}", advice)


async def _check_reading(database: "Database", log: EventLog) -> AsyncIterator[Finding]:
    from projections.failures import read_failures
    from projections.identity import LedgerViews
    from projections.positions import read_positions

    async with database.reader() as reader:
        try:
            await LedgerViews(log, database).check(reader)
        except WrongLedger as error:
            yield bad("views", str(error), "set data_dir, database_url or kafka_bootstrap right")
            return
        positions = await read_positions(reader)
        stopped = await read_failures(reader)
    # Asked for behind the positions: what is projected meanwhile does not lie beyond the end.
    ends = {partition: await log.end(partition) for partition in range(log.partitions)}
    for partition, failure in sorted(stopped.items()):
        advice = "see docs/operations.md, What readyz says; nothing is skipped"
        text = f"stopped at {partition}:{failure.offset}: {mask_text(failure.sentence)}"
        yield bad("views", text, advice)
    lags = {one: end - positions.get(one, 0) for one, end in ends.items()}
    ahead = [one for one, lag in lags.items() if lag < 0]
    if ahead:
        advice = "the log lost its past: restore it, or build the views anew"
        yield bad("views", f"they have read beyond the end of partitions {ahead}", advice)
        return
    behind = sum(lags.values())
    text = f"{behind:,} of {sum(ends.values()):,} records are not read yet"
    if behind > LAG_RECORDS_WARN:
        worst = max(lags, key=lambda one: lags[one])
        text = f"{text}, {lags[worst]:,} of them in partition {worst}"
        yield warn("views", text, "see whether a process with the role projector runs, and its log")
    else:
        yield good("views", text)


async def _check_left(database: "Database", settings: Settings) -> AsyncIterator[Finding]:
    """Views of a log that is not there."""
    from projections.positions import read_positions

    try:
        if not _has_no_file(settings):
            return
    except OSError:
        # That has been said of the log.
        return
    async with database.reader() as reader:
        read = sum((await read_positions(reader)).values())
    if read:
        text = f"they were made from {read:,} records, and there is no log {settings.log_path}"
        yield bad("views", text, _LOST)


async def _close(log: EventLog) -> None:
    # What failed before is what matters.
    with suppress(Exception):
        await log.close()
