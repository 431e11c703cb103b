"""Records in order, up to an end that was taken once, and where a log is damaged."""

import sqlite3
from contextlib import aclosing
from typing import Any

import pytest

from ledger.errors import LogRegressed, LogUnavailable
from ledger.log import Record, Slice
from ledger.replay import reading
from ledger.replay.reading import LogDamaged, ends, is_damage, read_records
from tests.contract.read_models.cases import MemoryLog
from tests.unit.ledger.replay.histories import run, told


def _log(count: int) -> MemoryLog:
    log = MemoryLog(1)
    log.records[0] = [Record(one, one, b"", b"", 0) for one in range(count)]
    return log


async def _offsets(log: Any, start: int, until: int) -> list[int]:
    found = []
    async for records in read_records(log, 0, start=start, until=until):
        assert records
        found += [record.offset for record in records]
    return found


class DamagedLog(MemoryLog):
    """Fails as SQLite does where a read touches one record."""

    def __init__(self, count: int, damaged: int) -> None:
        """All records are good but one."""
        super().__init__(1)
        self.records = _log(count).records
        self.damaged = damaged

    async def read(self, partition: int, offset: int, **more: Any) -> Slice:
        """Up to the damage, or not at all."""
        found = await super().read(partition, offset, **more)
        if any(record.offset == self.damaged for record in found.records):
            raise LogUnavailable("it cannot be read") from _malformed()
        return found


def _malformed() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


@pytest.mark.parametrize(("start", "until"), [(0, 12_000), (7, 5_001), (3, 3), (11_999, 12_000)])
def test_records_come_in_order_up_to_the_end(start: int, until: int) -> None:
    """Whatever the log has behind it."""
    assert run(_offsets(_log(12_000), start, until)) == list(range(start, until))


def test_gaps_are_passed_on() -> None:
    """What they mean is for others to say."""
    log = _log(30)
    log.records[0] = [one for one in log.records[0] if one.offset % 7]
    assert run(_offsets(log, 0, 28)) == [one for one in range(28) if one % 7]


def test_what_is_not_shown_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers may be behind; a log that stays shorter than it was is not complete."""
    monkeypatch.setattr(reading, "BEHIND_SECONDS", 0.3)
    with pytest.raises(LogUnavailable, match="ended at 9 and is not shown beyond offset 5"):
        run(_offsets(_log(5), 0, 9))
    with pytest.raises(LogRegressed):
        run(_offsets(_log(5), 6, 9))


def test_leaving_early_leaves_nothing_behind() -> None:
    """The slice that is read ahead is given up."""

    async def first() -> int:
        async with aclosing(read_records(_log(20_000), 0, until=20_000)) as slices:
            async for records in slices:
                return records[0].offset
        return -1

    assert run(first()) == 0


@pytest.mark.parametrize("damaged", [0, 1, 70, 71, 4_999, 5_000, 7_001])
def test_damage_has_its_place(damaged: int) -> None:
    """All in front of it is read."""
    log, found = DamagedLog(8_000, damaged), list[int]()

    async def until_it_fails() -> None:
        async for records in read_records(log, 0, until=8_000):
            found.extend(record.offset for record in records)

    with pytest.raises(LogDamaged, match=f"partition 0, offset {damaged}: it cannot be read"):
        run(until_it_fails())
    assert found == list(range(damaged))


def test_damage_that_takes_its_time_is_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker is asked again for a damaged batch until time is up; it is not behind for that."""
    monkeypatch.setattr(reading, "BEHIND_SECONDS", -1.0)
    with pytest.raises(LogDamaged, match="partition 0, offset 70: it cannot be read"):
        run(_offsets(DamagedLog(200, 70), 0, 200))


def test_what_is_no_damage() -> None:
    """A log that is away may come back."""
    assert is_damage(_raised(_malformed()))
    assert not is_damage(_raised(sqlite3.OperationalError("database is locked")))
    assert not is_damage(LogUnavailable("no broker"))
    log = told().log
    log.unavailable = True
    with pytest.raises(LogUnavailable, match="cut the log off"):
        run(ends(log, [0]))


def _raised(cause: Exception) -> LogUnavailable:
    error = LogUnavailable("it cannot be read")
    error.__cause__ = cause
    return error
