"""Nothing that ends in the background stays unnoticed, and no state is shown that is not known."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.readiness import LogWatch, Tasks
from ledger.events.partitioner import Partitioner
from ledger.service import Ledger
from projections.database import Database
from projections.runner import Projector
from projections.store_sqlite import SqliteStore
from tests.contract.read_models.cases import MemoryLog
from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready
from tests.waiting import eventually


async def reasons_with(client: httpx.AsyncClient, part: str) -> list[str]:
    """The reasons of readyz, once one of them has this part."""
    reasons: list[str] = []

    async def said() -> bool:
        answer = await client.get("/readyz")
        reasons[:] = answer.json().get("reasons", [])
        assert not reasons or "retry-after" in answer.headers
        return any(part in reason for reason in reasons)

    await eventually(said)
    return reasons


async def test_tasks_that_end() -> None:
    """By an error, by returning and by being cancelled; at the end of the process none counts."""

    async def work(error: Exception | None = None) -> None:
        if error is not None:
            raise error

    stack = AsyncExitStack()
    tasks = Tasks(stack)
    tasks.start(work(ValueError("secret")), "a")
    tasks.start(work(), "b")
    tasks.start(asyncio.sleep(60), "c")
    done = asyncio.create_task(work(), name="d")
    tasks.watch(done, may_return=True)
    lost = asyncio.create_task(asyncio.sleep(60), name="e")
    tasks.watch(lost)
    lost.cancel()
    await asyncio.wait([done, lost])
    await asyncio.sleep(0)
    expected = [
        "task a ended: ValueError",
        "task b ended: it returned",
        "task e ended: it was cancelled",
    ]
    assert tasks.ended() == expected
    await stack.aclose()
    assert tasks.ended() == expected


async def test_a_look_at_the_log_that_fails_is_not_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it fails with; the next one finds the log good again."""
    log = MemoryLog()
    answers: list[Any] = [RuntimeError("host:1"), ["wrong"], []]
    seen: list[list[str]] = []
    watch = LogWatch(log, every_seconds=0.001)
    finished = asyncio.Event()

    async def check() -> list[str]:
        seen.append(watch.wrong())
        if not answers:
            finished.set()
            return []
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return list(answer)

    monkeypatch.setattr(log, "check", check)
    task = asyncio.create_task(watch.run())
    async with asyncio.timeout(10):
        await finished.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen[:4] == [[], ["the log could not be checked: RuntimeError"], ["wrong"], []]


async def test_a_projector_that_dies_turns_readyz_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never only stops."""

    async def write(_self: SqliteStore, _changes: object) -> list[int]:
        raise RuntimeError("a defect")

    monkeypatch.setattr(SqliteStore, "write", write)
    async with client_of(settings_in(tmp_path)) as client:
        reasons = await reasons_with(client, "task projector ended: RuntimeError")
        assert "the views cannot read on at the moment" in reasons


async def test_a_ledger_that_does_not_finish_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first records were found good, it goes on in the background."""

    async def start(self: Ledger) -> None:
        self.ledger_id = "x"
        self.opened.set()
        await asyncio.sleep(0.05)
        raise RuntimeError("a defect")

    monkeypatch.setattr(Ledger, "start", start)
    monkeypatch.setattr(Ledger, "ready", lambda _self: [])
    monkeypatch.setattr(Ledger, "close", lambda _self: asyncio.sleep(0))
    async with client_of(settings_in(tmp_path, roles="api,writer")) as client:
        await reasons_with(client, "task ledger-start ended: RuntimeError")


async def test_a_projector_keeps_why_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nobody watches its task."""
    database = Database(f"sqlite:///{tmp_path / 'v.db'}")
    await database.open()
    projector = Projector(MemoryLog(), database)

    async def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(projector, "_prepare", fail)
    with pytest.raises(ZeroDivisionError):
        await projector.run()
    assert "ZeroDivisionError" in (projector.trouble or "")
    await database.close()


def _lose_log(folder: Path) -> None:
    for pattern in ("log.db*", "snapshots.db*"):
        for path in folder.glob(pattern):
            path.unlink()


@pytest.mark.parametrize("roles", ["api,writer", "api", "api,projector,writer"])
async def test_stock_of_another_ledger_is_not_shown(tmp_path: Path, roles: str) -> None:
    """The log was replaced, the views were not."""
    settings = settings_in(tmp_path)
    async with client_of(settings) as client:
        written = await client.post("/v1/movements", json=receipt())
        position = {"min_position": written.headers["ledger-position"]}
        assert (await client.get("/v1/stock/A", params=position)).status_code == 200
    _lose_log(tmp_path)
    # Beside these views nothing new would begin.
    other = f"sqlite:///{tmp_path / 'other.db'}"
    async with client_of(settings_in(tmp_path, roles="writer", database_url=other)):
        pass
    async with client_of(settings_in(tmp_path, roles=roles)) as client:
        await reasons_with(client, "the views cannot be shown: the views are of ledger ")
        for path in ("/v1/stock", "/v1/stock/A", "/v1/movements", "/v1/items", "/v1/items/A"):
            answer = await client.get(path)
            problem = check_problem(answer, 503, "unavailable")
            assert "belongs to another ledger" in problem["detail"]
            assert "retry-after" in answer.headers


def _two_skus(partitions: int) -> tuple[str, str]:
    """Two SKUs that lie in different partitions."""
    place = Partitioner(partitions).partition_of
    return "A", next(sku for sku in map(str, range(99)) if place(sku) != place("A"))


async def test_a_reversal_by_an_id_of_two_skus(tmp_path: Path) -> None:
    """It undoes neither until one is named."""
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        skus = _two_skus(2)
        for sku in skus:
            written = await client.post("/v1/movements", json=receipt(id="same", sku=sku))
            assert written.status_code == 201
        path = "/v1/movements/same/reversal"
        problem = check_problem(await client.post(path), 422, "invalid_request")
        assert "name the sku" in problem["detail"]
        undone = await client.post(path, params={"sku": skus[1]})
        assert undone.status_code == 201, undone.text
        assert undone.json()["movement"]["sku"] == skus[1]
        check_problem(await client.post(path), 422, "invalid_request")


@pytest.mark.parametrize("how", ["recovering", "stopped"])
async def test_no_dry_run_on_a_state_that_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A 503 with the id; nor is a movement looked for where a partition cannot be searched."""
    ledgers: list[Ledger] = []
    start = Ledger.start

    async def noted(self: Ledger) -> None:
        ledgers.append(self)
        await start(self)

    monkeypatch.setattr(Ledger, "start", noted)
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        await client.post("/v1/movements", json=receipt(id="m"))
        writer = ledgers[0].writers[Partitioner(2).partition_of("A")]
        if how == "recovering":
            writer.recovered.clear()
        else:
            writer.failure = "a fault"
        answer = await client.post("/v1/movements?dry_run=true", json=receipt(id="try"))
        assert check_problem(answer, 503, "unavailable")["id"] == "try"
        assert "retry-after" in answer.headers
        answer = await client.post("/v1/movements/m/reversal", json={"id": "back"})
        assert check_problem(answer, 503, "unavailable")["id"] == "back"
        writer.recovered.set()
        writer.failure = None
        answer = await client.post("/v1/movements?dry_run=true", json=receipt(id="try"))
        assert answer.status_code == 200
