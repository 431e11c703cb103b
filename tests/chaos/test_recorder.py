"""Recording clients at a real server, and the checker on what they heard."""

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops.check_history.history import Operation, read_history
from tests.chaos.recorder import Recorder
from tests.integration.shell import PARTITIONS, Shell

# Of each client, and again until all of this was met, however long a busy machine takes for it.
STEPS = 20
MET = frozenset(
    {"movement", "bulk_item", "reversal", "item", "dry_run", "read", "replayed", "refused",
     "insufficient_stock", "version_conflict", "idempotency_key_reused"}
)  # fmt: skip
CLIENTS = 4
SKUS = [f"SKU-{number}" for number in range(6)]
PLACES = ("MAIN/A", "MAIN/B")
Document = dict[str, Any]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


class Worker:
    """One client that does a little of everything, on the same few SKUs as all others."""

    def __init__(self, recorder: Recorder, number: int) -> None:
        """Its own chance; ids that begin with `both` are sent by all clients."""
        self.recorder = recorder
        self.chance = random.Random(number)
        self.count = 0

    async def work(self) -> None:
        """A few calls."""
        for _ in range(STEPS):
            await self.step()

    async def step(self) -> None:
        """One call."""
        match self.chance.randrange(10):
            case 0:
                await self.recorder.bulk([self.movement() for _ in range(20)], tries=3)
            case 1:
                await self.recorder.dry_run(self.movement())
            case 2:
                done = await self.recorder.movement(self.movement(), tries=3)
                if done.op == "movement" and done.outcome == "accepted":
                    await self.recorder.read(done.sku, done)
                    await self.recorder.reversal(
                        {"id": f"{done.id}-undo", "sku": done.sku, "reverses": done.id}
                    )
            case 3:
                command = self.movement()
                await self.recorder.movement(command)
                await self.recorder.movement({**command, "quantity": "5"})
            case _:
                await self.recorder.movement(self.movement(), tries=3)

    def movement(self) -> Document:
        """Picks mostly, so that stock runs out."""
        self.count += 1
        shared = self.count % 7 == 0
        # What all send under one id must be the same.
        chance = random.Random(self.count) if shared else self.chance
        name = "both" if shared else self.recorder.client
        made: Document = {"id": f"{name}-{self.count}", "sku": chance.choice(SKUS)}
        made["quantity"] = str(chance.randint(1, 4))
        if chance.random() < 0.05:
            made["expected_on_hand"] = str(chance.randint(0, 5))
        roll = chance.random()
        if roll < 0.25:
            return made | {"type": "receipt", "location": chance.choice(PLACES)}
        if roll < 0.4:
            start, end = chance.sample(PLACES, 2)
            return made | {"type": "transfer", "from_location": start, "to_location": end}
        return made | {"type": "pick", "location": chance.choice(PLACES)}


async def _work(urls: list[str], folder: Path) -> list[Path]:
    """The files of all clients; each prefers the next of the servers."""
    files = [folder / f"client-{number}.ndjson" for number in range(CLIENTS)]
    recorders = []
    for number, file in enumerate(files):
        first = number % len(urls)
        recorders.append(Recorder(f"c{number}", urls[first:] + urls[:first], file))
    workers = [Worker(recorder, number) for number, recorder in enumerate(recorders)]
    async with AsyncExitStack() as stack:
        for recorder in recorders:
            await stack.enter_async_context(recorder)
        for sku in SKUS:
            await recorders[0].item(f"item-{sku}", sku, {"name": sku})
        while not _enough(read_history(files).operations):
            async with asyncio.TaskGroup() as group:
                for worker in workers:
                    group.create_task(worker.work())
    return files


def _enough(operations: list[Operation]) -> bool:
    """Whether everything was met, and something that can be spoilt."""
    return _summary(operations) >= MET and any(map(_refused_for_good, operations))


def _summary(operations: list[Operation]) -> set[str]:
    """What the clients met."""
    met: set[str] = {one.op for one in operations}
    for one in operations:
        met |= {one.outcome, one.code or ""} | ({"replayed"} if one.replayed else set())
    return met


def _refused_for_good(one: Operation) -> bool:
    """Whether the first client was refused for what was in stock, with an id of its own."""
    heard = (one.op, one.outcome, one.code)
    return heard == ("movement", "refused", "insufficient_stock") and one.id.startswith("c0-")


def test_what_real_clients_heard_is_true(shell: Shell, tmp_path: Path) -> None:
    """No findings; and a line that is spoilt is one."""
    _, url = shell.serve(0, "--snapshot-every-records", "1000")
    files = asyncio.run(_work([url], tmp_path))
    operations = read_history(files).operations
    names = [file.name for file in files]
    flags = ("--partitions", str(PARTITIONS), "--json")
    code, out, err = shell.run("check-history", *names, *flags, "--live", url)
    found = json.loads(out)
    assert (code, found["shown"], err) == (0, [], "")
    assert found["operations"] == len(operations) + len(SKUS)
    assert (len(found["views"]), found["live_skus"], found["unjudged"]) == (PARTITIONS, 6, 0)

    lines = files[0].read_text().splitlines()
    heard = [msgspec.json.decode(line, type=Operation) for line in lines]
    at = next(number for number, one in enumerate(heard) if _refused_for_good(one))
    spoilt = json.loads(lines[at]) | {"outcome": "accepted"}
    files[0].write_text("\n".join([*lines[:at], json.dumps(spoilt), *lines[at + 1 :]]))
    code, out, err = shell.run("check-history", *names, *flags[:2])
    assert code == 1
    assert out.startswith("1 findings: ")
    assert "accepted_refused" in err


def test_two_servers_on_kafka_and_postgresql(
    shell: Shell, tmp_path: Path, kafka_bootstrap: str, postgres_url: str, topic_prefix: str
) -> None:
    """Both write to one topic; whatever they void and take turns at, every answer is true."""
    flags = (
        *("--kafka-bootstrap", kafka_bootstrap, "--topic-prefix", topic_prefix, "--dev"),
        *("--replication", "1", "--database-url", postgres_url),
    )
    urls = [shell.serve(0, *flags, "--data-dir", name)[1] for name in ("one", "two")]
    files = asyncio.run(_work(urls, tmp_path))
    names = [file.name for file in files]
    code, out, err = shell.run(
        *("check-history", *names, *flags, "--partitions", str(PARTITIONS)),
        *("--json", "--live", urls[1]),
    )
    found = json.loads(out)
    assert (code, found["shown"], err) == (0, [], "")
    assert found["movements"] > 0
    assert (len(found["views"]), found["unjudged"]) == (PARTITIONS, 0)


async def test_without_an_answer_the_outcome_is_unknown(tmp_path: Path) -> None:
    """The connection breaks in the middle; the next server is tried, with the same id."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    file = tmp_path / "client.ndjson"
    async with server, Recorder("c", [address, f"{address}/second"], file) as recorder:
        command = {"id": "m1", "sku": "A", "type": "receipt", "quantity": "1", "location": "B"}
        await recorder.movement(command, tries=2)
        await recorder.bulk([command, command])
        await recorder.read("A")
        assert recorder.calls == 4
    operations = read_history([file]).operations
    assert [one.outcome for one in operations] == ["unknown"] * 5
    assert {one.answered_ns for one in operations} == {None}
    assert operations[0].asked == command
