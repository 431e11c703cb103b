"""Two servers on one Kafka topic, told nothing of each other, both fed, one of them killed."""

import asyncio
import json
import random
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from ledger.config import Settings, open_log
from ledger.domain.facts import Fact, Moved, Refused, WriterClaimed
from ledger.events.chain import Chain
from tests.integration.shell import PARTITIONS, SECONDS_MAX, Process, Shell

SKUS = [f"SKU-{number}" for number in range(12)]
OPENING = 60
ITEMS = 40
BULKS = 30
# Whoever comes late while nobody owns a partition is refused at once, and comes back, until the
# group has missed the owner that was killed. Much longer than that: machines may be busy.
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.1

Command = dict[str, str]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


class Clerk:
    """Sends bulks until every item has a final answer, and remembers the answers."""

    def __init__(self, name: str, urls: list[str], seed: int) -> None:
        """Prefers the first address, and goes on to the others when it does not answer."""
        self.name = name
        self.urls = urls
        self.chance = random.Random(seed)
        self.accepted: dict[str, Command] = {}
        self.rejected: dict[str, Command] = {}

    def commands(self, bulk: int) -> list[Command]:
        """Picks mostly, so that stock runs out; a few ids that the other clerk uses as well."""
        made = []
        for item in range(ITEMS):
            shared = item % 10 == 0
            # What both send under one id must be the same, or it would be a misuse of the id.
            chance = random.Random(bulk * ITEMS + item) if shared else self.chance
            made.append(
                {
                    "id": f"{'both' if shared else self.name}-{bulk}-{item}",
                    "type": "receipt" if chance.random() < 0.2 else "pick",
                    "sku": chance.choice(SKUS),
                    "quantity": str(chance.randint(1, 4)),
                    "location": "MAIN/A",
                }
            )
        return made

    def work(self) -> None:
        """Send all bulks, one after the other."""
        for bulk in range(BULKS):
            self.settle(self.commands(bulk))

    def settle(self, open_items: list[Command]) -> None:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            answers = self._send(open_items)
            again = []
            for command, answer in zip(open_items, answers, strict=True):
                if answer["status"] in ("accepted", "replayed"):
                    self.accepted[command["id"]] = command
                elif answer["status"] == "rejected" and answer["code"] == "insufficient_stock":
                    self.rejected[command["id"]] = command
                else:
                    assert answer["code"] == "unavailable", answer
                    again.append(command)
            if not again:
                return
            open_items = again
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{len(open_items)} items never got an answer")

    def _send(self, commands: list[Command]) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self.urls[0]}/v1/movements/bulk",
            json.dumps(commands).encode(),
            {"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
                found: list[dict[str, Any]] = json.load(answer)["results"]
                return found
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
        except (OSError, ValueError):
            # Killed in the middle: the next address may know more.
            self.urls.append(self.urls.pop(0))
        return [{"status": "unknown", "code": "unavailable"}] * len(commands)


def history(settings: Settings) -> list[Fact]:
    """Every fact that counts, in order within each partition, the chain checked."""

    async def read() -> list[Fact]:
        facts = []
        log = open_log(settings)
        await log.open()
        for partition in range(PARTITIONS):
            chain = Chain(partition)
            offset, end = 0, await log.end(partition)
            while offset < end:
                records, offset, _ = await log.read(partition, offset)
                facts += [chain.accept(record) for record in records if record.counts]
        await log.close()
        return facts

    return asyncio.run(read())


def check(facts: list[Fact], clerks: list[Clerk]) -> Counter[str]:
    """Each acknowledged id once, each refused id never, no prefix negative; the stock by SKU."""
    moved = [fact for fact in facts if isinstance(fact, Moved)]
    counts = Counter(fact.id for fact in moved)
    assert set(counts.values()) == {1}
    refusals = {fact.id for fact in facts if isinstance(fact, Refused)}
    for clerk in clerks:
        assert not clerk.accepted.keys() - counts.keys()
        assert not clerk.rejected.keys() & counts.keys()
        assert not clerk.rejected.keys() - refusals
    stock: Counter[str] = Counter()
    for fact in moved:
        stock[fact.sku] += fact.quantity * (1 if fact.source[0] == "@" else -1)
        assert stock[fact.sku] >= 0
        assert stock[fact.sku] == (fact.source_after + fact.target_after)
    return stock


async def run_all(clerks: list[Clerk], killed: Process | None) -> None:
    """Both at once; one server is killed when about a third is done."""
    tasks = [asyncio.create_task(asyncio.to_thread(clerk.work)) for clerk in clerks]
    while killed is not None and not all(task.done() for task in tasks):
        if sum(len(clerk.accepted) for clerk in clerks) > BULKS * ITEMS / 3:
            killed.kill()
            break
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("kill", [False, True])
def test_both_are_exact(
    shell: Shell, kafka_bootstrap: str, postgres_url: str, topic_prefix: str, kill: bool
) -> None:
    """Nothing lost, nothing doubled, nothing negative; and the views say the same."""
    flags = (
        *("--kafka-bootstrap", kafka_bootstrap, "--topic-prefix", topic_prefix, "--dev"),
        *("--replication", "1", "--database-url", postgres_url),
    )
    one, first = shell.serve(0, *flags, "--data-dir", "one")
    _, second = shell.serve(0, *flags, "--data-dir", "two")
    opening = Clerk("opening", [first], 0)
    opening.settle(
        [
            {
                "id": f"open-{sku}",
                "type": "receipt",
                "sku": sku,
                "quantity": str(OPENING),
                "location": "MAIN/A",
            }
            for sku in SKUS
        ]
    )
    clerks = [Clerk("a", [first, second], 1), Clerk("b", [second, first], 2)]
    asyncio.run(run_all(clerks, one if kill else None))
    settings = Settings(
        kafka_bootstrap=kafka_bootstrap,
        topic_prefix=topic_prefix,
        partitions=PARTITIONS,
        replication=1,
        dev=True,
    )
    facts = history(settings)
    stock = check(facts, [opening, *clerks])
    writers = {fact.instance for fact in facts if isinstance(fact, WriterClaimed)}
    assert len(writers) == 2, "both servers must have written"
    positions = _ends(facts, settings)
    for sku in SKUS:
        query = f"{second}/v1/stock/{sku}?min_position={positions}"
        with urllib.request.urlopen(query, timeout=SECONDS_MAX) as answer:
            assert int(json.load(answer)["on_hand"]) == stock[sku]


def _ends(facts: list[Fact], settings: Settings) -> str:
    """The last counting offset of each partition, as `min_position` takes it."""
    ends: dict[int, int] = {}
    partition = -1
    for fact in facts:
        partition += fact.offset == 0
        ends[partition] = fact.offset
    return ",".join(f"{number}:{offset}" for number, offset in ends.items())
