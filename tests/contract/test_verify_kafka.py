"""verify on a real broker: void records, a seal, and the topic of levels."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.config import Settings
from ledger.log import EventLog
from ops.findings import Findings
from ops.verify.codes import CODES
from ops.verify.empty import check_empty
from ops.verify.partition import PartitionReport
from ops.verify.report import Report, document, lines
from ops.verify.run import Order, look, verify_some, verify_together
from projections.database import Database
from projections.migrate import upgrade
from projections.runner import Projector
from tests.contract.levels_cases import LevelsPlace, all_published, copy_new
from tests.contract.log_cases import PARTITIONS, KafkaPlace
from tests.contract.read_models.planning.test_catching_up import change
from tests.contract.read_models.projecting import WAIT_SECONDS, projecting
from tests.tampering.world import World


async def verified(settings: Settings, order: Order = Order()) -> Report:  # noqa: B008 - frozen
    """What the command does, in this event loop."""
    target = await look(settings, order)
    wanted = sorted(target.ends)
    reports = await verify_some(settings, order, target, wanted, lambda *_: None)
    return await verify_together(settings, order, target, reports)


async def _nothing(_log: EventLog, partitions: Sequence[int]) -> dict[int, int]:
    return dict.fromkeys(partitions, 0)


async def test_everything_agrees_and_what_does_not_is_named(
    kafka_place: KafkaPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log, views and levels; void records of a real topic are listed."""
    settings = kafka_place.settings()
    world = World(seed=11, partitions=PARTITIONS).go_on(150)
    levels = LevelsPlace(kafka_place, PARTITIONS)
    log = kafka_place.log(PARTITIONS)
    await log.open()
    await copy_new(world.log, log)
    await upgrade(settings.views_url)
    database = Database(settings.views_url)
    await database.open()
    ends = {one: len(records) - 1 for one, records in enumerate(world.log.records)}
    async with projecting(log, database) as projector:  # type: ignore[arg-type]
        assert isinstance(projector, Projector)
        await projector.positions.wait_for(ends, WAIT_SECONDS)
    found = document(await verified(settings))
    assert (found["shown"], found["levels"]) == ([], None)
    assert any("topic of levels is not compared" in note for note in found["notes"])

    async with levels.publishing(log) as publisher:
        await all_published(publisher, world.log)
    report = await verified(settings)
    found = document(report)
    assert found["shown"] == []
    assert found["levels"]["compared"] > PARTITIONS
    void = [one.offset for one in world.log.records[1] if not one.counts]
    assert void == [one["offset"] for one in found["void_records"] if one["partition"] == 1]
    assert f"1:{void[0]}" in "\n".join(lines(report)[1])

    # If the log were empty, these levels would tell; they do not while it is not.
    empty = [PartitionReport(one.partition, Findings(CODES, 20)) for one in report.partitions]
    assert await check_empty(settings, empty, levels=True) == []
    monkeypatch.setattr("ops.verify.empty.ends", _nothing)
    told = await check_empty(settings, empty, levels=True)
    assert [one.where for one in told] == [f"levels {one}" for one in range(PARTITIONS)]
    assert {one.code for one in told} == {"ahead_of_log"}

    await change(database, "UPDATE stock SET on_hand = on_hand + 5 WHERE account = 'MAIN/B'")
    found = document(await verified(settings))
    assert set(found["by_code"]) == {"view_differs", "levels_differ"}
    assert any("'MAIN/B'" in one["where"] for one in found["shown"])
    await database.close()
