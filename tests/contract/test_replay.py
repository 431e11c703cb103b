"""A replay of the log alone gives what the writer, its snapshots and the views have."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.config import Settings
from ledger.errors import LogMisconfigured
from ledger.replay.folding import replay_state
from ledger.replay.reading import ends
from ops.existing_log import existing_log
from ops.replay.answer import SkuAnswer
from ops.replay.document import all_skus, check
from ops.replay.looking import look
from ops.replay.question import Question
from ops.replay.running import replay
from projections.database import Database
from projections.migrate import upgrade
from projections.runner import Projector
from projections.views.stock_queries import find_stock
from tests.simulation.scenario import small
from tests.unit.ledger.writer.harness import picture
from tests.unit.ops.replayed import PARTITIONS, recovered, tell

WAIT_SECONDS = 30


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Of a log that is not there yet."""
    given: dict[str, Any] = {"partitions": PARTITIONS, "data_dir": tmp_path, "dev": True}
    if request.param == "kafka":
        given["kafka_bootstrap"] = request.getfixturevalue("kafka_bootstrap")
        given["topic_prefix"] = request.getfixturevalue("topic_prefix")
    return Settings(**given)


def test_the_same_as_everybody_else(settings: Settings) -> None:
    """On each log: the writer that decided, one that starts from snapshots, and the views."""
    with small():
        live = asyncio.run(tell(settings))
        restored = asyncio.run(recovered(settings))
    assert any(offset > 0 for offset, _ in restored)
    assert [state for _, state in restored] == asyncio.run(_states(settings))
    assert [state["skus"] for state in live] == [state["skus"] for _, state in restored]

    question = Question()
    untils = asyncio.run(look(settings, question))
    answers = replay(settings, question, untils, 1, lambda _: None)
    check(question, answers)
    assert msgspec.json.encode(replay(settings, question, untils, 2, lambda _: None)) == (
        msgspec.json.encode(answers)
    )
    skus = {one.sku: one for one in all_skus(answers)}
    assert skus.keys() == {sku for state in live for sku in state["skus"]}
    views = asyncio.run(_views(settings, untils, list(skus)))
    assert {name: _shown(one) for name, one in skus.items()} == views


@pytest.mark.kafka
def test_a_topic_that_is_not_there(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """It is said, twice: looking for it did not make it."""
    settings = Settings(
        kafka_bootstrap=kafka_bootstrap, topic_prefix=topic_prefix, dev=True, data_dir=tmp_path
    )
    for _ in range(2):
        with pytest.raises(LogMisconfigured, match="does not exist"):
            asyncio.run(look(settings, Question()))


async def _states(settings: Settings) -> list[dict[str, Any]]:
    async with existing_log(settings) as log:
        until = await ends(log, range(log.partitions))
        return [picture((await replay_state(log, one, until=end))[0]) for one, end in until.items()]


async def _views(
    settings: Settings, untils: dict[int, int], skus: list[str]
) -> dict[str, dict[str, Any]]:
    """What a server would answer about each SKU, in the words of a replay."""
    await upgrade(settings.views_url)
    database = Database(settings.views_url)
    await database.open()
    async with existing_log(settings) as log:
        projector = Projector(log, database)
        task = asyncio.create_task(projector.run())
        wanted = {one: end - 1 for one, end in untils.items()}
        await projector.positions.wait_for(wanted, WAIT_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    found = {}
    async with database.reader() as reader:
        for sku in skus:
            stock = await find_stock(reader, sku)
            assert stock is not None
            found[sku] = {
                **{name: stock[name] for name in FIELDS},
                "stock": [
                    {name: row[name] for name in ("location", "lot", "status", "on_hand")}
                    for row in stock["positions"]
                ],
            }
    await database.close()
    return found


FIELDS = ("on_hand", "unavailable", "available", "on_order", "value")


def _shown(sku: SkuAnswer) -> dict[str, Any]:
    document = msgspec.to_builtins(sku)
    return {name: document[name] for name in (*FIELDS, "stock")}
