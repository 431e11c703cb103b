"""`stockledger tail`: what it shows, from where, through outages, and what it refuses."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.movements import Issue, Reference, Transfer
from ledger.errors import ChainBroken, LogUnavailable, UndecodableRecord
from ledger.events.partitioner import Partitioner
from ledger.log import Record, Slice
from ledger.replay.reading import LogDamaged
from ops.console import CommandError
from ops.tailing import follow
from ops.tailing.follow import Shown, Tail
from ops.tailing.lines import document, line
from ops.tailing.places import places
from ops.tailing.wanted import Wanted
from tests.contract.read_models.cases import START_MS, MemoryLog, Teller, receipt
from tests.unit.ops.test_commands import Run, own_folder, run
from tests.waiting import eventually

__all__ = ["own_folder", "run"]


class Seen:
    """What was shown, until `count`."""

    def __init__(self, count: int = 1_000) -> None:
        self.count = count
        self.shown: list[dict[str, Any]] = []
        self.said: list[str] = []

    @property
    def ids(self) -> list[str]:
        return [one.get("id", one["kind"]) for one in self.shown]

    def ports(self) -> Shown:
        return Shown(self._record, self.said.append, lambda: self.said.append("over"), lambda: None)

    def _record(self, partition: int, record: Record, fact: object) -> bool:
        self.shown.append(document(partition, record, fact))
        return len(self.shown) < self.count


def _told(log: MemoryLog) -> Teller:
    teller = Teller(log)
    teller.tell(receipt("r1", "A", "9", lot="L1", reference=Reference("order", "PO-7")), "key1")
    teller.tell(receipt("r2", "B", "9", location="OUT"))
    teller.tell(Transfer(id="t1", sku="A", quantity="4", from_location="MAIN/A/01",
                         to_location="MAIN/A0", lot="L1"))  # fmt: skip
    teller.refuse(Issue(id="x1", sku="B", quantity="99", location="OUT"))
    teller.void()
    teller.tell(Issue(id="i1", sku="B", quantity="2", location="OUT"))
    return teller


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["r1", "r2", "t1", "i1"]),
        ({"sku": "A"}, ["r1", "t1"]),
        ({"location": "MAIN/A"}, ["r1", "t1"]),
        ({"location": "MAIN/A0"}, ["t1"]),
        ({"lot": "L1"}, ["r1", "t1"]),
        ({"types": ("issue", "transfer")}, ["t1", "i1"]),
        ({"reference": "PO-7"}, ["r1"]),
        ({"refusals": True}, ["r1", "r2", "t1", "x1", "i1"]),
        ({"refusals": True, "sku": "B", "voids": True}, ["r2", "x1", "i1"]),
        ({"voids": True}, ["r1", "r2", "t1", "void", "i1"]),
    ],
)
async def test_what_passes(wanted: dict[str, Any], expected: list[str]) -> None:
    """Filters of SKU, place, lot, type and reference; refusals and void records if asked for."""
    log = MemoryLog(1)
    _told(log)
    seen = Seen(len(expected))
    await asyncio.wait_for(Tail(log, Wanted(**wanted), seen.ports()).run({0: 0}), 10)
    assert seen.ids == expected


async def test_it_follows_and_waits_out_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once when it begins and once when it is over; nothing is shown twice or left out."""
    monkeypatch.setattr(follow, "BACKOFF_SECONDS", (0.005, 0.005))
    monkeypatch.setattr(follow, "READ_WAIT_SECONDS", 0.02)
    log = MemoryLog(2)
    one, other = Teller(log), Teller(log, 1)
    seen = Seen(4)
    begin = await places(log, "now", [0, 1])
    tail = asyncio.create_task(Tail(log, Wanted(), seen.ports()).run(begin))
    one.tell(receipt("a", "A"))
    await eventually(lambda: seen.ids == ["a"])
    log.unavailable = True
    await eventually(lambda: seen.said)
    log.unavailable = False
    one.tell(receipt("b", "A"))
    other.tell(receipt("c", "B"))
    await eventually(lambda: "over" in seen.said and len(seen.shown) == 3)
    other.tell(receipt("d", "B"))
    await asyncio.wait_for(tail, 10)
    assert sorted(seen.ids) == ["a", "b", "c", "d"]
    assert seen.said == ["the test cut the log off", "over"]


async def test_a_damaged_log_ends_it() -> None:
    """A record that does not continue the one before, and one that counts and cannot be read."""
    log = MemoryLog(1)
    teller = _told(log)
    changed = log.records[0][2]
    log.records[0][2] = Record(2, 2, changed.key, changed.value.replace(b"OUT", b"IN"), 0)
    with pytest.raises(ChainBroken, match="offset 3"):
        await asyncio.wait_for(Tail(log, Wanted(), Seen().ports()).run({0: 0}), 10)
    log.put(0, Record(teller.end, teller.end, b"A", b"{}", 0))
    with pytest.raises(UndecodableRecord):
        await asyncio.wait_for(Tail(log, Wanted(), Seen().ports()).run({0: 4}), 10)


async def test_a_damaged_page_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where it was met."""
    log = MemoryLog(1)
    _told(log)

    async def read(*_: object, **__: object) -> Slice:
        cause = sqlite3.DatabaseError("database disk image is malformed")
        cause.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise LogUnavailable("log.db cannot be read") from cause

    monkeypatch.setattr(log, "read", read)
    with pytest.raises(LogDamaged, match=r"partition 0, at or after offset 2: log.db cannot be"):
        await asyncio.wait_for(Tail(log, Wanted(), Seen().ports()).run({0: 2}), 10)


async def test_where_to_begin() -> None:
    """Every place there is; instants between, before and behind all records."""
    log = MemoryLog(2)
    teller = _told(log)
    Teller(log, 1)
    assert await places(log, "now", [0, 1]) == {0: teller.end, 1: 1}
    assert await places(log, "start", [0]) == {0: 0}
    assert await places(log, "0:3", [0, 1]) == {0: 3, 1: 1}
    assert await places(log, f"0:{teller.end}", [0]) == {0: teller.end}
    # The opening is of START_MS, and each record told one millisecond later than the one before.
    times = {"2026-01-01T00:00:00Z": 0, "2026-01-01T00:00:00.0015Z": 2, "2020-01-01T00:00:00Z": 0}
    for instant, offset in times.items():
        assert (await places(log, instant, [0]))[0] == offset, instant
    assert (await places(log, "2030-01-01T00:00:00Z", [0]))[0] == teller.end
    # Void at offset 5: it has no time, and what counts behind it is found all the same.
    late = await places(log, "2026-01-01T00:00:00.005Z", [0])
    assert late[0] in (5, 6)
    assert START_MS % 1000 == 0
    for text in ("1:0", "0:3,1:0"):
        with pytest.raises(CommandError, match="names partition 1, which is not followed"):
            await places(log, text, [0])
    for text, says in (
        ("yesterday", "no place to begin"), ("0:99", "ends at 7"), ("7:0", "no partition 7"),
        ("0:1,0:2", "partition 0 has one position only"),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=says):
            await places(log, text, [0, 1])


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"types": ("gift",)}, "no type gift"),
        ({"sku": ""}, "a SKU has"),
        ({"location": "a//b"}, "a location is"),
        ({"lot": " "}, "a lot has"),
        ({"partitions": (4,)}, "no partition 4"),
        ({"sku": "A", "partitions": (1 - Partitioner(2).partition_of("A"),)}, "lies in none"),
    ],
)
def test_a_filter_that_nothing_could_pass(wanted: dict[str, Any], says: str) -> None:
    """It is refused: to wait for ever would look like silence."""
    with pytest.raises(CommandError, match=says):
        Wanted(**wanted).check(2)


def test_a_line_moves_no_cursor() -> None:
    """Whatever a name holds; and it says what a person looks for."""
    log = MemoryLog(1)
    teller = Teller(log)
    moved = teller.tell(
        receipt("r", "A", "9", lot="L1", reference=Reference("order", "PO-7")), "key1"
    )
    shown = document(0, log.records[0][1], moved)
    text = line(shown)
    for part in ("0:1", "receipt", "@supplier -> MAIN/A/01", "lot L1", "leaves 9", "PO-7", "key1"):
        assert part in text
    assert line({**shown, "id": "\x1b[2J"}).isprintable()
    void = line(document(0, Record(2, None, b"\xff\x1b", b"", 0), None))
    assert void.isprintable()
    assert "states no offset" in void


def test_the_command(run: Run, tmp_path: Path) -> None:
    """NDJSON of what is there, then the end by --count; what is not there and what is wrong."""
    assert run("tail")[0] == 1
    assert run("topics", "--create", "--partitions", "2")[0] == 0

    async def write() -> None:
        from ledger.adapters.sqlite import SqliteLog

        memory, log = MemoryLog(2), SqliteLog(tmp_path / "data" / "log.db", 2)
        _told(memory)
        Teller(memory, 1)
        await log.open()
        for partition, records in enumerate(memory.records):
            for record in records:
                if record.counts and record.offset < 5:
                    new = [(record.key, record.value, None)]
                    assert await log.append(partition, record.offset, new) == record.offset
        await log.close()

    asyncio.run(write())
    flags = ("tail", "--partitions", "2", "--from", "start")
    code, out, err = run(*flags, "--count", "3", "--json")
    assert (code, err) == (0, "")
    assert [json.loads(text)["id"] for text in out.splitlines()] == ["r1", "r2", "t1"]
    code, out, _ = run(*flags, "--refusals", "--type", "issue", "--count", "1")
    assert code == 0
    assert "refused" in out
    for wrong, status in (
        (("--type", "gift"), 2), (("--from", "0:99"), 2), (("--from", "never"), 2),
        (("--partition", "9"), 2), (("--count", "0"), 2), (("--partitions", "5"), 1),
    ):  # fmt: skip
        code, out, err = run("tail", "--partitions", "2", *wrong)
        assert (code, out) == (status, ""), wrong
        assert err.count("\n") >= 1


def test_a_damaged_file(run: Run, tmp_path: Path) -> None:
    """Exit code 1, not that of a server that is away."""
    assert run("topics", "--create", "--partitions", "2")[0] == 0
    path = tmp_path / "data" / "log.db"
    content = path.read_bytes()
    # The first page says that it is a log of ours; all others are gone.
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    code, out, err = run("tail", "--partitions", "2", "--from", "start")
    assert (code, out, "malformed" in err) == (1, "", True), err
