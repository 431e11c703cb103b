"""One load: order, refusals, and going on after an interruption."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.console import CommandError
from ops.load import lines
from ops.loading.checkpoint import Counts, checkpoint_path, read_checkpoint, write_checkpoint
from ops.loading.client import BulkClient, Item, Position, Result
from ops.loading.load import LANES, Load, Plan, summary
from ops.loading.rows import Row
from tests.unit.ops.mapping_files import MINIMAL, mapper, row


class Ledger(BulkClient):
    """A server in memory: knows ids, refuses some, and may go away after so many requests."""

    def __init__(self, requests_max: int = 1_000) -> None:
        """Empty."""
        self.movements: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.requests = 0
        self.requests_max = requests_max

    async def send(self, items: Any) -> list[Result]:
        """Answer each item."""
        await asyncio.sleep(0)
        self.requests += 1
        if self.requests > self.requests_max:
            raise CommandError("gone")
        return [self._take(item) for item in items]

    def _take(self, item: Item) -> Result:
        identity = item.movement["id"]
        if item.movement["quantity"] == "0":
            return Result("invalid", identity, "invalid_quantity", "greater than zero")
        if identity in self.movements:
            return Result("replayed", identity)
        self.movements[identity] = item.movement
        self.order.append(identity)
        return Result("accepted", identity, position=Position(0, len(self.order)))

    async def has_movement(self, identity: str, sku: str) -> bool:
        """Whether it is known."""
        return identity in self.movements and self.movements[identity]["sku"] == sku


def load(
    tmp_path: Path,
    ledger: Ledger,
    rows: list[Row],
    batch_items: int = 2,
    told: Callable[[Counts], None] = lambda _counts: None,
) -> Load:
    """Load rows; the checkpoint and the rejects lie in the folder."""
    plan = Plan(
        mapper(tmp_path, MINIMAL), batch_items, tmp_path / "checkpoint", tmp_path / "rejects"
    )
    one = Load(plan, told)
    asyncio.run(one.run(iter(rows), ledger))
    return one


def rows(count: int) -> list[Row]:
    """Rows of a few SKUs; every seventh has no quantity to move, every eleventh is broken."""
    made = []
    for line in range(2, count + 2):
        quantity = "0" if line % 7 == 0 else str(line)
        one = row(line, Code=f"sku-{line % 5}", Quantity=quantity)
        made.append(one if line % 11 else Row(line, {}, "broken"))
    return made


def rejects(tmp_path: Path) -> list[dict[str, Any]]:
    """The lines of the rejects file."""
    return [json.loads(line) for line in (tmp_path / "rejects").read_text().splitlines()]


def test_everything_is_sent_once(tmp_path: Path) -> None:
    """And refusals are named with their line and code."""
    ledger = Ledger()
    done = load(tmp_path, ledger, rows(100))
    assert done.counts.records == 100
    assert done.counts.accepted == len(ledger.movements) == 100 - 14 - 9 + 1
    assert done.counts.refused == {"invalid_quantity": 13, "unmappable": 9}
    found = rejects(tmp_path)
    assert [one["line"] for one in found] == sorted(one["line"] for one in found)
    assert found[0] == {
        "line": 7,
        "id": f"{'f' * 20}-7",
        "sku": "sku-2",
        "code": "invalid_quantity",
        "detail": "greater than zero",
    }
    assert {"line": 11, "code": "unmappable", "detail": "broken"} in found
    assert not (tmp_path / "checkpoint").exists()


def test_the_lines_of_a_sku_stay_in_order(tmp_path: Path) -> None:
    """However many requests are in flight."""
    ledger = Ledger()
    load(tmp_path, ledger, rows(500), batch_items=3)
    for sku in range(5):
        lines = [
            int(identity.rpartition("-")[2])
            for identity in ledger.order
            if ledger.movements[identity]["sku"] == f"sku-{sku}"
        ]
        assert lines == sorted(lines)


def test_twice_doubles_nothing(tmp_path: Path) -> None:
    """The second time everything is replayed and refused as before."""
    ledger = Ledger()
    first = load(tmp_path, ledger, rows(60))
    refused = rejects(tmp_path)
    second = load(tmp_path, ledger, rows(60))
    assert second.counts.accepted == 0
    assert second.counts.replayed == first.counts.accepted
    assert rejects(tmp_path) == refused


@pytest.mark.parametrize("keep_checkpoint", [True, False])
def test_an_interrupted_load_goes_on(tmp_path: Path, keep_checkpoint: bool) -> None:
    """With the checkpoint without sending it all again; without it, all the same."""
    ledger = Ledger(requests_max=20)
    with pytest.raises(CommandError, match="gone"):
        load(tmp_path, ledger, rows(100))
    assert (tmp_path / "checkpoint").exists()
    if not keep_checkpoint:
        (tmp_path / "checkpoint").unlink()
    # What a crash between the two files would leave behind.
    with (tmp_path / "rejects").open("a") as file:
        file.write('{"line": 99, "half')
    ledger.requests_max = 1_000
    done = load(tmp_path, ledger, rows(100))
    assert (done.resumed_records > 0) is keep_checkpoint
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = load(whole, Ledger(), rows(100))
    assert done.counts.records == 100
    assert done.counts.refused == expected.counts.refused
    assert done.counts.accepted + done.counts.replayed == expected.counts.accepted
    assert rejects(tmp_path) == rejects(whole)


def test_the_rate_is_that_of_this_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier run sent took none of its seconds."""
    ledger = Ledger(requests_max=20)
    with pytest.raises(CommandError, match="gone"):
        load(tmp_path, ledger, rows(100))
    before = read_checkpoint(tmp_path / "checkpoint")
    assert before is not None
    ledger.requests_max = 1_000
    heard: list[int] = []
    done = load(tmp_path, ledger, rows(100), told=lambda counts: heard.append(counts.records))
    assert heard[0] == before.counts.records
    monkeypatch.setattr(time, "monotonic", lambda: 3.0)
    document = summary(done, 1.0)
    sent = done.counts.accepted + done.counts.replayed
    assert document["accepted"] + document["replayed"] == sent == 78
    assert document["movements_per_second"] == round((sent - before.counts.good) / 2)
    assert document["resumed_records"] == before.counts.records > 0
    assert [line for line in lines({**document, "rejects": None}) if "earlier run" in line] == [
        f"  {before.counts.records:,} records of these were done in an earlier run"
    ]


def test_a_checkpoint_of_another_ledger_is_of_no_use(tmp_path: Path) -> None:
    """A new ledger at the same address gets everything."""
    with pytest.raises(CommandError, match="gone"):
        load(tmp_path, Ledger(requests_max=20), rows(100))
    ledger = Ledger()
    done = load(tmp_path, ledger, rows(100))
    assert done.resumed_records == 0
    assert len(ledger.movements) == done.counts.accepted


@pytest.mark.parametrize("emptied", [False, True])
def test_a_lost_rejects_file_starts_anew(tmp_path: Path, emptied: bool) -> None:
    """Its lines come again, also where only a part of it is gone."""
    ledger = Ledger(requests_max=20)
    with pytest.raises(CommandError, match="gone"):
        load(tmp_path, ledger, rows(100))
    if emptied:
        os.truncate(tmp_path / "rejects", 1)
    else:
        (tmp_path / "rejects").unlink()
    ledger.requests_max = 1_000
    assert load(tmp_path, ledger, rows(100)).resumed_records == 0
    assert len(rejects(tmp_path)) == 22


def test_a_full_lane_is_sent_in_batches(tmp_path: Path) -> None:
    """One SKU alone fills one lane."""
    ledger = Ledger()
    load(tmp_path, ledger, [row(line) for line in range(2, 2 + 3 * LANES)], batch_items=3)
    assert ledger.requests == LANES


def test_a_checkpoint_that_cannot_be_read(tmp_path: Path) -> None:
    """It is as if there were none; one that cannot be written loses only time."""
    path = checkpoint_path("a", b"b", "c")
    assert path != checkpoint_path("a", b"b", "d")
    (tmp_path / "broken").write_text("{")
    assert read_checkpoint(tmp_path / "broken") is None
    assert read_checkpoint(tmp_path / "missing") is None
    checkpoint = read_checkpoint(tmp_path / "missing")
    assert checkpoint is None
    (tmp_path / "file").write_text("")
    from ops.loading.checkpoint import FORMAT, Checkpoint

    kept = Checkpoint(FORMAT, Counts(), "r", 0, [])
    assert write_checkpoint(tmp_path / "file" / "below", kept) is False
    assert write_checkpoint(tmp_path / "new" / "below", kept) is True
    assert read_checkpoint(tmp_path / "new" / "below") == kept
