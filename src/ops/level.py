"""Raising the log to a new level of events, from a process of its own beside running servers."""

import random
from contextlib import AsyncExitStack, suppress
from typing import NamedTuple
from uuid import uuid4

from uuid6 import uuid7

from ledger.config import Settings, open_log, open_snapshots, rules
from ledger.domain.facts import LevelRaised
from ledger.errors import LedgerError
from ledger.events import envelope
from ledger.events.trails import Trail, encode_trail
from ledger.log import EventLog
from ledger.presence import exists
from ledger.service import Ledger
from ledger.writer.outcomes import Outcome, Unavailable, Unknown
from ops.console import CommandError, ExitCode
from ops.data_dir import prepare_data_dir
from ops.logging import mask_text


class Raised(NamedTuple):
    """What became of one partition; `offset` is that of the record, if this call wrote it."""

    partition: int
    offset: int | None
    code: ExitCode
    detail: str


async def raise_level(settings: Settings, level: int) -> list[Raised]:
    """Raise every partition that is below the level. Positioned append makes it safe at any time.

    Raises CommandError, LedgerError.
    """
    supported = envelope.LEVEL_SUPPORTED
    if level > supported:
        raise CommandError(
            f"this version reads events up to level {supported}; upgrade every instance before "
            f"the log is raised to level {level}"
        )
    if settings.kafka_bootstrap is None and not exists(settings.log_path):
        raise CommandError(f"there is no log {settings.log_path}", ExitCode.FOUND_WRONG)
    prepare_data_dir(settings)
    async with AsyncExitStack() as stack:
        log = open_log(settings, create=False)
        stack.push_async_callback(_close, log)
        await log.open()
        if await log.end(0) == 0:
            raise CommandError("the log is empty; serve opens it", ExitCode.FOUND_WRONG)
        snapshots = open_snapshots(settings)
        stack.push_async_callback(snapshots.close)
        await snapshots.open()
        instance = f"raise-level-{random.getrandbits(32):08x}"
        ledger = Ledger(
            log,
            snapshots,
            # Only ids of long ago are looked up in the views, and no command here has one.
            None,
            instance=instance,
            new_ledger_id=lambda: str(uuid7()),
            rules=rules(settings),
            currency=settings.currency,
            window_ids=settings.id_window,
            snapshot_every_records=settings.snapshot_every_records,
        )
        stack.push_async_callback(ledger.close)
        await ledger.start()
        trail = encode_trail(Trail(f"raise-level@{instance}", uuid4().hex))
        outcomes = await ledger.raise_level(level, actor=None, trail=trail)
        return [_raised(ledger, one, level, outcome) for one, outcome in enumerate(outcomes)]


def _raised(ledger: Ledger, partition: int, level: int, outcome: Outcome) -> Raised:
    writer = ledger.writers[partition]
    if isinstance(outcome, LevelRaised):
        return Raised(partition, outcome.offset, ExitCode.GOOD, f"raised to level {level}")
    if writer.failure is not None:
        why = mask_text(f"it is stopped: {writer.failure}")
        return Raised(partition, None, ExitCode.FOUND_WRONG, why)
    if writer.state.level >= level:
        already = f"is at level {writer.state.level} already"
        return Raised(partition, None, ExitCode.GOOD, already)
    detail = mask_text(str(getattr(outcome, "detail", outcome)))
    if isinstance(outcome, Unavailable | Unknown):
        return Raised(partition, None, ExitCode.UNAVAILABLE, f"not raised in time: {detail}")
    return Raised(partition, None, ExitCode.FOUND_WRONG, detail)


async def _close(log: EventLog) -> None:
    # What failed before is what matters.
    with suppress(LedgerError, OSError):
        await log.close()
