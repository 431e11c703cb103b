"""Several servers on one Kafka topic: any of them takes anything, whoever owns the partition."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.config import Settings, open_log
from ledger.events.partitioner import Partitioner
from ledger.log import EventLog
from ledger.ownership.directory import Directory
from ops.check_history.history import read_history
from tests.chaos.clients import clients_of
from tests.chaos.instance import Instance, all_ready
from tests.chaos.judge import Views, check_history
from tests.servers_process import free_ports
from tests.waiting import SECONDS_MAX, eventually

PARTITIONS = 4
# The broker of the tests allows less than others do.
SESSION_SECONDS = 2
# Long enough for a call to be made within it, whatever else keeps the machine busy.
LONG_SESSION = ("--group-session-seconds", "8")
partition_of = Partitioner(PARTITIONS).partition_of
_names = [f"SKU-{number}" for number in range(100)]
# Of each partition the same number.
SKUS = [
    sku
    for partition in range(PARTITIONS)
    for sku in [name for name in _names if partition_of(name) == partition][:3]
]
UNSETTLED = frozenset({"unknown", "unwritten"})
Document = dict[str, Any]


class Cluster:
    """Instances on one topic, a client, and what the log says about owners."""

    def __init__(self, folder: Path, flags: Sequence[str], log: EventLog) -> None:
        """No instance yet."""
        self.flags = flags
        self.http = httpx.AsyncClient(timeout=30.0, trust_env=False)
        self._folder = folder
        self._log = log
        self._made: list[Instance] = []

    def make(self, name: str, *flags: str) -> Instance:
        """An instance that does not run yet."""
        made = Instance(name, self._folder, self._folder / name, [*self.flags, *flags])
        self._made.append(made)
        return made

    async def start(self, *instances: Instance) -> None:
        """Start them at once, and wait until each of them writes a part of the log."""
        await asyncio.gather(*(one.start() for one in instances))
        await self.owned_by(*instances)

    async def owners(self) -> list[str | None]:
        """The address in the newest claim of each partition."""
        directory = Directory(self._log)
        return [await directory.look(partition) for partition in range(PARTITIONS)]

    async def owned_by(self, *instances: Instance) -> None:
        """Wait until these own everything, and each of them something."""
        urls = {one.url for one in instances}

        async def owned() -> bool:
            return set(await self.owners()) == urls

        await eventually(owned)

    async def skus_of(self, instance: Instance) -> list[str]:
        """Those whose partition the instance owns."""
        owners = await self.owners()
        return [sku for sku in SKUS if owners[partition_of(sku)] == instance.url]

    async def move(self, instance: Instance, identity: str, **command: str) -> httpx.Response:
        """Send one movement."""
        body = {"id": identity, "type": "receipt", "location": "MAIN", "quantity": "5", **command}
        return await self.http.post(f"{instance.url}/v1/movements", json=body)

    async def moved(self, instance: Instance, identity: str, **command: str) -> None:
        """Send one movement until it is taken: an instance that soon gives up may need a few."""

        async def taken() -> bool:
            return (await self.move(instance, identity, **command)).is_success

        await eventually(taken)

    async def close(self) -> None:
        """End everything."""
        await self.http.aclose()
        for one in self._made:
            one.resume()
            await one.kill()


@pytest.fixture
async def cluster(
    tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> AsyncIterator[Cluster]:
    """A topic of its own."""
    values: Document = {"kafka_bootstrap": kafka_bootstrap, "topic_prefix": topic_prefix}
    values |= {"partitions": PARTITIONS, "replication": 1}
    settings = Settings(_env_file=None, dev=True, **values)
    log = open_log(settings)
    await log.open()
    flags = [part for name, value in values.items() for part in (_flag(name), str(value))]
    flags += ["--dev", "--group-session-seconds", str(SESSION_SECONDS)]
    flags += ["--view-wait-seconds", "60"]
    made = Cluster(tmp_path, flags, log)
    yield made
    await made.close()
    await log.close()


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


async def test_any_instance_takes_anything(cluster: Cluster) -> None:
    """Two writers and one that only answers: each forwards what it does not own."""
    one, two, three = cluster.make("one"), cluster.make("two"), cluster.make("three")
    three.add_flags("--roles", "api,projector")
    await three.start()
    assert set(await cluster.owners()) == {None}, "who only answers claims nothing"
    await cluster.start(one, two)
    instances = (one, two, three)
    for instance in instances:
        for sku in SKUS:
            answer = await cluster.move(instance, f"{instance.name}-{sku}", sku=sku)
            assert answer.status_code == HTTPStatus.CREATED, answer.text
            again = await cluster.move(one, f"{instance.name}-{sku}", sku=sku)
            assert again.headers["idempotency-replayed"] == "true"
    for instance in instances:
        await _single(cluster, instance, await _bulk(cluster, instance))


async def _bulk(cluster: Cluster, instance: Instance) -> dict[str, int]:
    """All SKUs in one bulk, each four times in this order; the last offset of each."""
    name = instance.name
    commands = [
        {"id": f"{name}-{sku}-{turn}", "type": "pick", "sku": sku, "quantity": quantity,
         "location": "MAIN"}
        for turn, quantity in enumerate(("1", "2", "90", "2"))
        for sku in SKUS
    ]  # fmt: skip
    answer = await cluster.http.post(f"{instance.url}/v1/movements/bulk", json=commands)
    results = answer.json()["results"]
    offsets: dict[str, list[int]] = {sku: [] for sku in SKUS}
    for command, result in zip(commands, results, strict=True):
        refused = command["quantity"] == "90"
        assert result["status"] == ("rejected" if refused else "accepted"), result
        offsets[command["sku"]].append(result["position"]["offset"])
    assert all(sorted(found) == found for found in offsets.values())
    return {sku: found[-1] for sku, found in offsets.items()}


async def _single(cluster: Cluster, instance: Instance, ends: dict[str, int]) -> None:
    """A dry run, a movement by its id, its reversal without a SKU, and a refusal."""
    http, url = cluster.http, instance.url
    for sku in SKUS[::2]:
        identity = f"{instance.name}-{sku}-0"
        read = {"min_position": f"{partition_of(sku)}:{ends[sku]}"}
        found = await http.get(f"{url}/v1/movements/{identity}", params=read)
        assert found.json()["sku"] == sku, found.text
        undone = await http.post(
            f"{url}/v1/movements/{identity}/reversal", json={"id": f"{identity}-undo"}
        )
        assert undone.status_code == HTTPStatus.CREATED, undone.text
        tried = await http.post(
            f"{url}/v1/movements?dry_run=true",
            json={"type": "issue", "sku": sku, "quantity": "999", "location": "MAIN"},
        )
        assert tried.json()["code"] == "insufficient_stock", tried.text
        refused = await cluster.move(
            instance, f"{identity}-much", sku=sku, type="issue", quantity="999"
        )
        assert refused.json()["code"] == "insufficient_stock", refused.text
        assert "ledger-position" in refused.headers, "a refusal is recorded where it is decided"


async def test_partitions_of_a_killed_instance_move(cluster: Cluster) -> None:
    """Until the session is over callers hear 503 once they wait no longer; then the other one
    answers."""
    one = cluster.make("one", *LONG_SESSION)
    two = cluster.make("two", *LONG_SESSION, "--request-timeout-seconds", "1")
    await cluster.start(one, two)
    (sku, *_) = await cluster.skus_of(one)
    await cluster.moved(two, "before", sku=sku)
    await one.kill()
    heard: list[httpx.Response] = []

    async def accepted() -> bool:
        heard.append(await cluster.move(two, "after", sku=sku))
        return heard[-1].status_code < HTTPStatus.BAD_REQUEST

    await eventually(accepted)
    assert len(heard) > 1, "nobody else may decide before the session is over"
    for answer in heard[:-1]:
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.json()["id"] == "after"
        assert answer.headers["retry-after"]
    await cluster.owned_by(two)
    # A claim is in the log before its writer has read its partition.
    assert await all_ready([two], SECONDS_MAX) == []


async def test_an_address_that_leads_nowhere_is_said(cluster: Cluster) -> None:
    """Others cannot forward to it and say so; it says so itself; with the right one it works."""
    one = cluster.make("one", "--request-timeout-seconds", "1")
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    wrong = cluster.make("two", "--advertised-url", nowhere)
    await cluster.start(one)
    starting = asyncio.create_task(wrong.start())

    async def said() -> bool:
        return "nobody is reached at the advertised address" in await wrong.why_not_ready()

    async def claimed() -> bool:
        return nowhere in await cluster.owners()

    await eventually(said)
    await eventually(claimed)
    lost = (await cluster.owners()).index(nowhere)
    sku = next(sku for sku in SKUS if partition_of(sku) == lost)
    answer = await cluster.move(one, "lost", sku=sku)
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json()["id"] == "lost"
    assert nowhere not in answer.text, "callers hear no addresses"
    own = await cluster.move(wrong, "own", sku=sku)
    assert own.status_code == HTTPStatus.CREATED, "its own callers are served"
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await wrong.stop()
    right = cluster.make("three")
    await right.start()
    await cluster.owned_by(one, right)
    await cluster.moved(one, "lost", sku=sku)


async def test_nothing_is_lost_or_doubled_while_owners_change(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Under load one is paused beyond its session and goes on, then the other one is stopped."""
    one, two = cluster.make("one"), cluster.make("two")
    await cluster.start(one, two)
    clients = clients_of([one.url, two.url], tmp_path, 7, 4)
    stop = asyncio.Event()
    working = [asyncio.create_task(client.work(stop)) for client in clients]
    files = [tmp_path / f"c{number}.ndjson" for number in range(len(clients))]

    async def more(count: int = 60) -> None:
        target = sum(client.recorder.calls for client in clients) + count
        await eventually(lambda: sum(client.recorder.calls for client in clients) > target)

    await more()
    two.pause()
    await cluster.owned_by(one)
    two.resume()
    await cluster.owned_by(one, two)
    await more()
    before = _unanswered(files)
    await one.stop()
    refusals = _unanswered(files) - before
    assert one.exit_code == 0
    await cluster.owned_by(two)
    await more()
    stop.set()
    await asyncio.gather(*working)
    assert refusals <= 2 * len(clients), "at most what was under way when the connections closed"
    flags = [*cluster.flags, "--data-dir", str(two.data)]
    found = await check_history(files, Views(flags, two.url))
    assert found["findings"] == 0, found


def _unanswered(files: Sequence[Path]) -> int:
    """How many calls, a bulk being one, heard nothing or that it was not possible."""
    ended = read_history(files).operations
    return len({(one.client, one.sent_ns) for one in ended if one.outcome in UNSETTLED})
