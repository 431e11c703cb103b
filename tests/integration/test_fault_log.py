"""Why requests get a 503 is in the log: once, with the cause and its place, without secrets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from api import faults, outcomes, problems, readiness
from api.faults import PAUSE_SECONDS, REPEAT_SECONDS, FaultLog
from ledger.adapters.sqlite import SqliteLog
from ledger.errors import LogUnavailable
from ledger.events.partitioner import Partitioner
from ops.logging import MASK, configure
from projections.database import Database, DatabaseUnavailable, ReadConnection
from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready

REQUESTS = 5
PARTITION = Partitioner(2).partition_of("A")


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember nothing of other tests."""
    fresh = FaultLog()
    for module in (outcomes, problems, readiness):
        monkeypatch.setattr(module, "FAULTS", fresh)
    # Made anew, because a logger keeps the configuration of its first use.
    monkeypatch.setattr(faults, "_log", structlog.get_logger("api.faults"))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged since the last time, above the level of information."""
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [one for one in found if one["level"] != "info"]


async def fail_often(client: httpx.AsyncClient) -> None:
    """Write one by one and in bulks, and hear each time that it cannot be done."""
    for _ in range(REQUESTS):
        check_problem(await client.post("/v1/movements", json=receipt()), 503, "unavailable")
        answer = await client.post("/v1/movements/bulk", json=[receipt()] * REQUESTS)
        assert "unavailable" in answer.text


def delete_log(folder: Path) -> None:
    """Take the log away under the service."""
    for path in folder.glob("log.db*"):
        path.unlink()


def test_each_cause_of_each_source_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Again when it changed, and after a while; causes that vary all the time do not flood."""
    configure("info", "json")
    now = 100.0
    log = FaultLog(lambda: now)

    def note(partition: int, cause: str) -> bool:
        log.of_partition(partition, cause)
        found = lines(capsys)
        assert [(one["partition"], one["cause"]) for one in found] in ([], [(partition, cause)])
        return bool(found)

    assert [note(0, "a") for _ in range(3)] == [True, False, False]
    assert note(1, "a")
    assert [note(0, f"number {number}") for number in range(3)] == [False] * 3
    now += PAUSE_SECONDS
    assert [note(0, "b"), note(0, "b"), note(1, "a")] == [True, False, False]
    now += PAUSE_SECONDS
    assert [note(0, "a"), note(0, "a")] == [True, False]
    now += REPEAT_SECONDS
    assert [note(0, "a"), note(0, "a"), note(1, "a")] == [True, False, True]
    log.of_error(DatabaseUnavailable("a"))
    log.of_error(DatabaseUnavailable("a"))
    assert [(one["fault"], one["cause"]) for one in lines(capsys)] == [("DatabaseUnavailable", "a")]


async def test_a_writer_that_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When it stops, and once more because of the requests that it cannot take."""
    configure("info", "json")
    async with client_of(settings_in(tmp_path, roles="api,writer")) as client:
        await wait_ready(client)
        assert (await client.post("/v1/movements", json=receipt())).status_code == 201
        delete_log(tmp_path)
        lines(capsys)
        await fail_often(client)
        at_the_stop, at_a_request = lines(capsys)
    why = f"LogRegressed: {tmp_path / 'log.db'} was deleted or replaced"
    assert at_the_stop["level"] == "error"
    assert at_the_stop["event"] == f"partition {PARTITION} is stopped: {why}"
    assert at_a_request["event"] == "writes_unavailable"
    assert at_a_request["partition"] == PARTITION
    assert at_a_request["cause"] == why


async def test_a_defect_in_a_writer_leaves_its_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or nobody could find it."""

    async def append(*_: Any) -> int:
        raise ZeroDivisionError("a defect")

    configure("info", "json")
    async with client_of(settings_in(tmp_path, roles="api,writer")) as client:
        await wait_ready(client)
        monkeypatch.setattr(SqliteLog, "append", append)
        await fail_often(client)
        stop = next(one for one in lines(capsys) if "is stopped" in one["event"])
    assert "partition.py" in stop["exception"]
    assert "ZeroDivisionError: a defect" in stop["exception"]


async def test_a_log_that_is_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers hear nothing of the broker's address, the operator does."""

    async def append(*_: Any) -> int:
        raise LogUnavailable("broker.internal:9092 does not answer")

    configure("info", "json")
    async with client_of(settings_in(tmp_path, roles="api,writer")) as client:
        await wait_ready(client)
        assert (await client.post("/v1/movements", json=receipt())).status_code == 201
        lines(capsys)
        with monkeypatch.context() as patch:
            patch.setattr(SqliteLog, "append", append)
            await fail_often(client)
            answer = await client.post("/v1/movements", json=receipt())
        assert "broker.internal" not in answer.text
        (line,) = lines(capsys)
        assert (line["partition"], line["cause"]) == (
            PARTITION,
            "broker.internal:9092 does not answer",
        )
        assert (await client.post("/v1/movements", json=receipt())).status_code == 201
        assert lines(capsys) == []


async def test_a_database_that_is_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds it: a read, or a look at readiness. Its password does not show."""

    @asynccontextmanager
    async def reader(_self: Database) -> AsyncIterator[ReadConnection]:
        raise DatabaseUnavailable("postgresql://u:p@hidden@db.internal/views does not answer")
        yield

    configure("info", "json")
    async with client_of(settings_in(tmp_path, roles="api,writer")) as client:
        await wait_ready(client)
        lines(capsys)
        monkeypatch.setattr(Database, "reader", reader)
        for _ in range(REQUESTS):
            answer = await client.get("/v1/stock/A")
            check_problem(answer, 503, "unavailable")
            assert "internal" not in answer.text
            assert (await client.get("/readyz")).status_code == 503
        (line,) = lines(capsys)
    assert line["fault"] == "DatabaseUnavailable"
    assert line["cause"] == f"postgresql://u:{MASK}@db.internal/views does not answer"
