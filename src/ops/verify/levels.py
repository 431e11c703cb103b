"""The topic of levels, held against the view of stock; only where one is published."""

from contextlib import suppress
from dataclasses import dataclass, field

from ledger.config import Settings
from ledger.config.publishing import open_levels
from ledger.errors import LedgerError, LogMisconfigured
from ops.findings import Finding
from projections.database import Database


@dataclass
class LevelsChecked:
    """What was found. `counts` are the keys compared, and those that changed meanwhile."""

    findings: list[Finding] = field(default_factory=list)
    counts: tuple[int, int] | None = None
    notes: list[str] = field(default_factory=list)


async def check_levels(
    settings: Settings, database: Database, partitions: list[int]
) -> LevelsChecked:
    """Compare each key of the topic. Raises LogUnavailable, LogRegressed, DatabaseUnavailable."""
    checked = LevelsChecked()
    topic = open_levels(settings, read_only=True)
    if topic is None:
        return checked
    # Only here the publisher's code is needed.
    from projections.publishers.level_check import compare_levels

    try:
        await topic.open()
        compared = moving = 0
        for partition in partitions:
            async with database.reader() as reader:
                result = await compare_levels(topic, reader, partition)
            compared, moving = compared + result.compared, moving + result.moving
            checked.findings += [
                Finding(
                    "levels_differ",
                    f"levels {partition} {one.key}",
                    f"{one.why}: {one.in_topic} in the topic, {one.in_stock} in the view of stock",
                )
                for one in result.differences
            ]
        checked.counts = compared, moving
    except LogMisconfigured as error:
        checked.notes.append(f"the topic of levels is not compared: {error}")
    finally:
        with suppress(LedgerError, OSError):
            await topic.close()
    return checked
