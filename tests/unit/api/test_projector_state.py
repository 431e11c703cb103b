"""What a process says of its projector: which partitions it follows, and what is wrong."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from api.gauges import ProjectorCollector
from api.readiness import projector_reasons
from ledger.log import Record
from projections.database import Database
from projections.migrate import upgrade
from projections.runner import Projector
from tests.contract.read_models.cases import MemoryLog, Teller
from tests.contract.read_models.projecting import until
from tests.contract.read_models.shares import Shares, sharing


async def test_what_is_followed_and_what_is_stopped(tmp_path: Path) -> None:
    """One of two partitions is followed, and its second record cannot be read."""
    url = f"sqlite:///{tmp_path / 'views.db'}"
    await upgrade(url)
    database = Database(url)
    await database.open()
    log = MemoryLog(2)
    Teller(log, 0)
    Teller(log, 1)
    log.put(1, Record(1, 1, b"A", b"not JSON", 0))
    async with sharing(log, database, 1) as projector:
        await until(lambda: 1 in projector.failures)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(ProjectorCollector(projector, 2))
        lines = generate_latest(registry).decode().splitlines()
    # The offset, the kind of fault, and what can be read of the record: its key.
    assert projector_reasons(projector)[0].startswith("the views stopped at 1:1: ")
    assert projector_reasons(projector)[0].endswith("(SKU A)")
    assert [line for line in lines if line[0] != "#"] == [
        'stockledger_projector_follows{partition="0"} 0.0',
        'stockledger_projector_follows{partition="1"} 1.0',
        'stockledger_projector_stopped{partition="0"} 0.0',
        'stockledger_projector_stopped{partition="1"} 1.0',
        'stockledger_projector_failure{fault="UndecodableRecord",id="",offset="1",partition="1",'
        'sku="A",type=""} 1.0',
    ]
    await database.close()


async def test_a_group_that_is_not_joined_is_a_reason(tmp_path: Path) -> None:
    """As long as that lasts. What the brokers said is nothing for everybody."""
    database = Database(f"sqlite:///{tmp_path / 'views.db'}")
    await database.open()
    group = Shares()
    projector = Projector(MemoryLog(), database, group=group)
    assert projector_reasons(projector) == []
    group.failure = "broker-7.secret refuses"
    assert projector_reasons(projector) == ["the projectors' group is not joined"]
    await database.close()
