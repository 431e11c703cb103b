"""What others may do to the topic, or to the brokers, and what a whole service makes of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from api.readiness import LogWatch
from ledger.ending import end
from ledger.errors import LogMisconfigured, WrongLedger
from tests.contract.log_cases import PARTITIONS, KafkaPlace, Place, SqlitePlace, read_all
from tests.contract.service_cases import (
    OTHER_SKU,
    PARTITION,
    SKU,
    on_hand,
    refused,
    stopped,
    write,
    written,
)
from tests.integration.shell import Shell
from tests.servers import KafkaServer, free_ports
from tests.unit.api.serving import client_of, serving, wait_ready
from tests.waiting import eventually, eventually_now

LOOK_SECONDS = 0.05


@pytest.fixture
async def place(
    kafka_bootstrap: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[KafkaPlace]:
    """Topics on a broker."""
    made = KafkaPlace(kafka_bootstrap, topic_prefix, tmp_path)
    yield made
    await made.close()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


@asynccontextmanager
async def running(place: KafkaPlace) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that is ready, behind a socket that others could reach."""
    async with serving(place.settings()) as port:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            await wait_ready(client)
            yield client


async def start(place: Place) -> None:
    """Start a service, and end it; raises what keeps it from starting."""
    async with client_of(place.settings()):
        pass


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service looks at its topic all the time, not once a minute."""
    monkeypatch.setattr("api.lifespan.LogWatch", partial(LogWatch, every_seconds=LOOK_SECONDS))


async def alter(place: KafkaPlace, **settings: str) -> None:
    """Change settings of the topic; underscores stand for the dots in their names."""
    chosen = place.log()._topic.settings() | {"min.insync.replicas": "1"}
    chosen |= {name.replace("_", "."): value for name, value in settings.items()}
    async with place.admin() as admin:
        topic = ConfigResource(ConfigResourceType.TOPIC, place.topic, configs=chosen)
        await admin.alter_configs([topic])


@pytest.mark.usefixtures("watched")
async def test_deleted_records_under_a_running_service(place: KafkaPlace) -> None:
    """It stops as a whole once it has looked; what is written before is acknowledged truly."""
    async with running(place) as client:
        await written(client, "good")
        log = await place.open_log()
        last = await log.end(PARTITION)
        await place.delete_before(PARTITION, last)
        said = f"{place.topic}: partition {PARTITION} starts at offset {last}, not 0"
        await stopped(client, said)
        await refused(client, "bad")
        answer = await write(client, "elsewhere", OTHER_SKU)
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        await stopped(client, f"partition {PARTITION} is stopped: LogRegressed: ")
        assert await log.end(PARTITION) == last


async def test_deleted_records_while_the_service_is_away(place: KafkaPlace) -> None:
    """It does not start."""
    async with running(place) as client:
        await written(client, "good")
    await place.delete_before(PARTITION, 2)
    with pytest.raises(LogMisconfigured, match="starts at offset 2, not 0"):
        await start(place)


async def test_a_topic_made_anew_while_the_service_is_away(place: KafkaPlace) -> None:
    """The views remember the ledger, so that no other begins in the new topic."""
    async with running(place) as client:
        await written(client, "good")
    await place.recreate(0)
    with pytest.raises(WrongLedger, match="the log is not opened yet"):
        await start(place)
    assert await (await place.open_log()).end(PARTITION) == 0


async def test_a_file_deleted_while_the_service_is_away(tmp_path: Path) -> None:
    """The same on the embedded log."""
    place = SqlitePlace(tmp_path)
    async with client_of(place.settings()) as client:
        await wait_ready(client)
        await written(client, "good")
    await place.delete()
    with pytest.raises(WrongLedger, match="the log is not opened yet"):
        await start(place)


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("cleanup_policy", "compact", "history would be lost or rewritten"),
        ("retention_ms", "604800000", "history would be deleted by age"),
        ("retention_bytes", "1000000", "history would be deleted by size"),
    ],
)
async def test_settings_that_would_lose_history(
    place: KafkaPlace, name: str, value: str, meaning: str
) -> None:
    """A running service says so until they are right again; one that starts refuses."""
    said = f"{place.topic}: {name.replace('_', '.')} is {value}, not "
    async with running(place) as client:
        await alter(place, **{name: value})
        await stopped(client, said)
        with pytest.raises(LogMisconfigured, match=meaning):
            await start(place)
        await alter(place)
        await wait_ready(client)
        await written(client, "good")


@pytest.mark.usefixtures("watched")
async def test_more_partitions(place: KafkaPlace) -> None:
    """A running service says so and leaves the new one alone; one that starts refuses."""
    async with running(place) as client:
        await written(client, "good")
        async with place.admin() as admin:
            await admin.create_partitions({place.topic: NewPartitions(PARTITIONS + 1)})
        said = f"{place.topic}: {PARTITIONS + 1} partitions, not {PARTITIONS}"
        await stopped(client, said)
        # What is there stays where it is looked for.
        await written(client, "more")
        assert await on_hand(client) == "20"
    with pytest.raises(LogMisconfigured, match="SKUs would be looked for where they are not"):
        await start(place)


@pytest.mark.parametrize("committed", [True, False])
async def test_a_transaction_that_somebody_leaves_open(place: KafkaPlace, committed: bool) -> None:
    """Writers and views go on beside it, and its records never count, however it ends."""
    foreign = AIOKafkaProducer(
        bootstrap_servers=place.bootstrap, transactional_id=f"{place.topic}-foreign"
    )
    async with running(place) as client:
        await written(client, "before")
        await foreign.start()
        try:
            await foreign.begin_transaction()
            await foreign.send_and_wait(place.topic, b"{}", key=SKU.encode(), partition=PARTITION)
            await written(client, "during")
            await (foreign.commit_transaction() if committed else foreign.abort_transaction())
        finally:
            await foreign.stop()
        await written(client, "after")
        assert await on_hand(client) == "30"
    found = await read_all(await place.open_log(), PARTITION)
    assert [record.stated for record in found if record.value == b"{}"] == [None]
    assert sum(record.counts and record.key == SKU.encode() for record in found) == 3


def test_no_broker_at_the_start(shell: Shell) -> None:
    """It ends with 3, and names the address."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    code, out, err = shell.run("serve", "--port", "0", "--kafka-bootstrap", address, "--dev")
    assert (code, out) == (3, "")
    (line,) = [one for one in err.splitlines() if one.startswith("stockledger: ")]
    assert f"Kafka at {address} does not answer" in line
    assert "Traceback" not in err


def test_no_broker_later(shell: Shell, kafka_server: KafkaServer, topic_prefix: str) -> None:
    """Writes answer 503 and name the id, reads go on; all is well once the broker is back."""
    flags = ("--kafka-bootstrap", kafka_server.bootstrap, "--topic-prefix", topic_prefix)
    _, url = shell.serve(0, *flags, "--dev", "--request-timeout-seconds", "3")
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:

        def post(identity: str) -> httpx.Response:
            command = {"id": identity, "type": "receipt", "sku": "A", "location": "MAIN"}
            return client.post("/v1/movements", json={**command, "quantity": "1"})

        def posted(identity: str) -> httpx.Response:
            """Sent until it is taken: this server soon gives up, also where a machine is busy."""
            answers: list[httpx.Response] = []

            def taken() -> bool:
                answers[:] = [post(identity)]
                return answers[0].is_success

            eventually_now(taken)
            return answers[0]

        read = {"min_position": posted("before").headers["ledger-position"]}
        # Without a broker nobody reads what the views have not read before.
        assert client.get("/v1/stock/A", params=read).status_code == HTTPStatus.OK
        kafka_server.kill()
        during = post("during")
        assert (during.status_code, during.json()["id"]) == (503, "during")
        assert "retry-after" in during.headers
        shown = client.get("/v1/stock/A", params=read)
        assert (shown.status_code, shown.json()["on_hand"]) == (200, "1")
        kafka_server.start()
        posted("during")
        eventually_now(lambda: client.get("/readyz").is_success)
        position = posted("after").headers["ledger-position"]
        shown = client.get("/v1/stock/A", params={"min_position": position})
        assert (shown.status_code, shown.json()["on_hand"]) == (200, "3")


async def test_a_watch_sees_what_changes(place: KafkaPlace) -> None:
    """And that it has been put right."""
    log = await place.open_log()
    watch = LogWatch(log, every_seconds=LOOK_SECONDS)
    watching = asyncio.create_task(watch.run())
    assert watch.wrong() == []
    await alter(place, retention_ms="1000000")
    await eventually(watch.wrong)
    await alter(place)
    await eventually(lambda: not watch.wrong())
    await end(watching)
