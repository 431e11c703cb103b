"""Sending alerts and the events of planning runs: all of them, in order, at least once."""

import json
from collections.abc import Sequence

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.errors import LogUnavailable, WrongLedger
from ledger.events.partitioner import Partitioner
from projections.checkpoints import VIEW_GROUP
from projections.database import Database
from projections.planning.run_tables import planning_events
from projections.publishers import alert_relay
from projections.publishers.alert_keeper import AlertKeeper
from projections.publishers.alert_relay import AlertRelay
from projections.publishers.alert_tables import alerts
from projections.tables import view_positions
from tests.builders import pick, receipt
from tests.contract.read_models.cases import MemoryLog, Teller
from tests.contract.read_models.projecting import project

BOTH = frozenset({0, 1})


class Sink:
    """An `EventSink` in memory that may be away, also in the middle of what it is given."""

    def __init__(self) -> None:
        """Empty."""
        self.events: list[tuple[int, bytes, bytes]] = []
        self.opened = 0
        self.takes: int | None = None

    async def open(self) -> None:
        """Nothing to do."""
        self.opened += 1

    async def close(self) -> None:
        """Nothing to do."""

    async def send(self, events: Sequence[tuple[int, bytes, bytes]]) -> None:
        """Keep them, or the first ones."""
        if self.takes is not None:
            self.events += events[: self.takes]
            raise LogUnavailable("the test cut it off")
        self.events += events

    def ids(self) -> list[str]:
        """Of the documents, in order."""
        return [json.loads(document)["id"] for _, _, document in self.events]


@pytest.fixture
def sink() -> Sink:
    """Where events go."""
    return Sink()


def relay_of(database: Database, sink: Sink, share: frozenset[int] = BOTH) -> AlertRelay:
    """A relay of this share."""

    async def opened() -> Sink:
        await sink.open()
        return sink

    return AlertRelay(database, opened, 2, lambda: share)


async def look(relay: AlertRelay) -> None:
    """Until there is no more."""
    while await relay.look():
        pass


@pytest.fixture
async def raised(database: Database) -> list[str]:
    """The ids of alerts in both partitions, in their order."""
    log = MemoryLog(2)
    partition_of = Partitioner(2).partition_of
    tellers = [Teller(log, 0), Teller(log, 1)]
    for number in range(6):
        sku = f"SKU-{number}"
        teller = tellers[partition_of(sku)]
        teller.tell(receipt("1", sku=sku))
        teller.tell(pick("1", sku=sku))
        teller.tell(receipt("1", sku=sku))
    await project(log, database)
    keeper = AlertKeeper(database)
    while await keeper.look():
        pass
    await keeper.close()
    async with database.reader() as reader:
        order = (alerts.c.raised_ms, alerts.c.log_offset, alerts.c.alert_id)
        query = select(alerts.c.alert_id).order_by(*order)
        return [row["alert_id"] for row in await reader.all(query)]


async def test_the_topic_is_there_before_the_first_event(database: Database, sink: Sink) -> None:
    """For whoever subscribes to it; nothing is sent."""
    relay = relay_of(database, sink)
    await look(relay)
    await look(relay)
    assert (sink.opened, sink.events) == (1, [])


async def add_planning(database: Database, *sequences: int) -> None:
    """Events as a planning run leaves them."""
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        for number in sequences:
            event = {"id": f"e{number}", "type": "planning.class_changed.v1", "subject": "A"}
            await connection.execute(
                insert(planning_events).values(
                    sequence=number, run_id="r", event_id=f"e{number}", type=event["type"],
                    sku="A", site="", recorded_ms=1, document=json.dumps(event),
                )
            )  # fmt: skip
    await engine.dispose()


async def test_everything_is_sent_once(
    database: Database, sink: Sink, raised: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of a partition, under keys of SKU and site, whatever the steps."""
    monkeypatch.setattr(alert_relay, "EVENTS_AT_A_TIME", 2)
    relay = relay_of(database, sink)
    await look(relay)
    assert sorted(sink.ids()) == sorted(raised)
    for partition in BOTH:
        sent = [json.loads(one)["id"] for at, _, one in sink.events if at == partition]
        assert sent == [one for one in raised if one.startswith(f"{partition}:")]
        assert len(sent) > 2
    for partition, key, document in sink.events:
        event = json.loads(document)
        assert json.loads(key) == [event["subject"], "MAIN"]
        assert event["id"].startswith(f"{partition}:")
    await look(relay)
    assert relay.sent == len(sink.events) == len(raised)
    assert sink.opened == 1
    await relay.close()


async def test_only_its_share(database: Database, sink: Sink, raised: list[str]) -> None:
    """The others are sent by somebody else; events of runs by who has partition 0."""
    await add_planning(database, 1)
    relay = relay_of(database, sink, frozenset({1}))
    await look(relay)
    assert sink.ids() == [one for one in raised if one.startswith("1:")]
    await relay.close()


async def test_what_is_interrupted_is_sent_again(
    database: Database, sink: Sink, raised: list[str]
) -> None:
    """Some come twice then, with the same ids, and none is missing."""
    sink.takes = 3
    relay = relay_of(database, sink)
    with pytest.raises(LogUnavailable):
        await relay.look()
    sink.takes = None
    await look(relay)
    assert sink.ids()[3:] == raised
    assert sink.ids()[:3] == raised[:3]
    await relay.close()


async def test_events_of_planning_runs(
    database: Database, sink: Sink, raised: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their numbers, each once; the number of the last one is kept."""
    monkeypatch.setattr(alert_relay, "EVENTS_AT_A_TIME", 2)
    await add_planning(database, 1, 2, 3)
    relay = relay_of(database, sink)
    await look(relay)
    await relay.close()
    assert [one for one in sink.ids() if one.startswith("e")] == ["e1", "e2", "e3"]
    await add_planning(database, 4)
    again = relay_of(database, sink)
    await look(again)
    assert sink.ids()[-1] == "e4"
    assert again.sent == 1
    await again.close()


async def test_events_of_planning_runs_of_another_ledger(
    database: Database, sink: Sink, raised: list[str]
) -> None:
    """That they were sent could not be noted: they would be sent again and again, for ever."""
    await add_planning(database, 1)
    relay = relay_of(database, sink)
    await look(relay)
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        of_views = update(view_positions).where(view_positions.c.view_group == VIEW_GROUP)
        await connection.execute(of_views.values(ledger_id="another"))
    await engine.dispose()
    await add_planning(database, 2)
    with pytest.raises(WrongLedger, match="views of another"):
        await relay.look()
    assert sink.ids()[len(raised) :] == ["e1"]
    await relay.close()
