"""One load: windows of rows are made into movements, sent in lanes, and written down as done."""

import asyncio
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ops.loading.checkpoint import (
    FORMAT,
    Checkpoint,
    Counts,
    Witness,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from ops.loading.client import BulkClient, Item, Result
from ops.loading.mapping import Mapper, Skipped
from ops.loading.rejects import Rejects
from ops.loading.rows import LineError, Row

# So many requests are in flight at once. The lines of a SKU share a lane, so they stay in order.
LANES = 4
UNMAPPABLE = "unmappable"
Sent = tuple[Item, Result]


class Plan(msgspec.Struct, frozen=True):
    """What one load needs to know."""

    mapper: Mapper
    batch_items: int
    checkpoint_path: Path
    rejects_path: Path


class Window(msgspec.Struct):
    """Consecutive records: how many, what to send, what cannot be sent, what is left out."""

    records: int
    items: list[Item]
    broken: list[tuple[int, str]]
    skipped: dict[str, int]


class Load:
    """Sends the rows of one file. `told` hears the counts after every window."""

    def __init__(self, plan: Plan, told: Callable[[Counts], None]) -> None:
        """Nothing happens before `run`."""
        self._plan = plan
        self._told = told
        self._rejects = Rejects(plan.rejects_path)
        self.counts = Counts()
        self.resumed_records = 0
        # Of these, those that count: the counts themselves go on.
        self.resumed_good = 0

    async def run(self, rows: Iterator[Row], client: BulkClient) -> Counts:
        """Send all rows that have no answer yet."""
        try:
            await self._resume(rows, client)
            # The next window is made while this one is under way.
            window = await asyncio.to_thread(self._next_window, rows)
            while window.records:
                sending = asyncio.create_task(_send(window, client, self._plan.batch_items))
                try:
                    following = await asyncio.to_thread(self._next_window, rows)
                    results = await sending
                finally:
                    sending.cancel()
                self._finish(window, results)
                window = following
            self._rejects.end()
        finally:
            self._rejects.close()
        remove_checkpoint(self._plan.checkpoint_path)
        return self.counts

    async def _resume(self, rows: Iterator[Row], client: BulkClient) -> None:
        """Skip what is done already, after seeing that this ledger has it."""
        self._rejects.check()
        found = read_checkpoint(self._plan.checkpoint_path)
        if found is None or found.rejects_path != str(self._plan.rejects_path.absolute()):
            return
        known = [await client.has_movement(one.id, one.sku) for one in found.witnesses]
        if not known or not all(known) or not self._rejects.go_on(found.rejects_bytes):
            return
        self.counts = found.counts
        self.resumed_records = found.counts.records
        self.resumed_good = found.counts.good
        await asyncio.to_thread(_skip, rows, found.counts.records)
        # A bar's rate begins with the first that it hears, so what was skipped is not in it.
        self._told(self.counts)

    def _next_window(self, rows: Iterator[Row]) -> Window:
        window = Window(0, [], [], {})
        for row in rows:
            window.records += 1
            try:
                made = self._plan.mapper.movement(row)
            except LineError as error:
                window.broken.append((row.line, str(error)))
            else:
                if isinstance(made, Skipped):
                    window.skipped[made.reason] = window.skipped.get(made.reason, 0) + 1
                else:
                    window.items.append(Item(row.line, made))
            if window.records >= self._plan.batch_items * LANES:
                break
        return window

    def _finish(self, window: Window, results: list[Sent]) -> None:
        counts = self.counts
        rejects = [
            {"line": line, "code": UNMAPPABLE, "detail": detail} for line, detail in window.broken
        ]
        witnesses: dict[int, Witness] = {}
        for index, (item, result) in enumerate(results):
            if (at := result.position) is not None:
                before = counts.positions.get(at.partition, 0)
                counts.positions[at.partition] = max(at.offset, before)
            if result.status == "accepted":
                counts.accepted += 1
            elif result.status == "replayed":
                counts.replayed += 1
            else:
                rejects.append(_reject(item, result))
            if result.is_good:
                # The last one of each lane, roughly; any few late ones would do.
                witnesses[index % LANES] = Witness(
                    str(item.movement.get("id", "")), str(item.movement.get("sku", ""))
                )
        for reject in rejects:
            code = str(reject["code"])
            counts.refused[code] = counts.refused.get(code, 0) + 1
        for reason, number in window.skipped.items():
            counts.skipped[reason] = counts.skipped.get(reason, 0) + number
        counts.records += window.records
        self._write_down(rejects, list(witnesses.values()))
        self._told(counts)

    def _write_down(self, rejects: list[dict[str, Any]], witnesses: list[Witness]) -> None:
        """Refusals first: a checkpoint must not be ahead of them."""
        rejects.sort(key=lambda reject: int(reject["line"]))
        self._rejects.write(rejects)
        kept_bytes = self._rejects.kept_bytes()
        if witnesses and kept_bytes is not None:
            path = str(self._plan.rejects_path.absolute())
            write_checkpoint(
                self._plan.checkpoint_path,
                Checkpoint(FORMAT, self.counts, path, kept_bytes, witnesses),
            )


async def _send(window: Window, client: BulkClient, batch_items: int) -> list[Sent]:
    lanes: list[list[Item]] = [[] for _ in range(LANES)]
    for item in window.items:
        sku = str(item.movement.get("sku", ""))
        lanes[zlib.crc32(sku.encode()) % LANES].append(item)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_send_lane(lane, client, batch_items)) for lane in lanes if lane
            ]
    except BaseExceptionGroup as errors:
        # One lane's reason is enough; the others were stopped because of it.
        raise errors.exceptions[0] from None
    return [pair for task in tasks for pair in task.result()]


async def _send_lane(lane: list[Item], client: BulkClient, batch_items: int) -> list[Sent]:
    done: list[Sent] = []
    for start in range(0, len(lane), batch_items):
        batch = lane[start : start + batch_items]
        done += zip(batch, await client.send(batch), strict=True)
    return done


def _skip(rows: Iterator[Row], count: int) -> None:
    for _, _row in zip(range(count), rows, strict=False):
        pass


def _reject(item: Item, result: Result) -> dict[str, Any]:
    return {
        "line": item.line,
        "id": item.movement.get("id"),
        "sku": item.movement.get("sku"),
        "code": result.code or result.status,
        "detail": result.detail,
    }


def summary(load: Load, started_at: float) -> dict[str, Any]:
    """The document of `--json`."""
    counts = load.counts
    seconds = time.monotonic() - started_at
    sent = counts.good - load.resumed_good
    return {
        "records": counts.records,
        "accepted": counts.accepted,
        "replayed": counts.replayed,
        "refused": counts.refused,
        "skipped": counts.skipped,
        "resumed_records": load.resumed_records,
        # In the form of `min_position`, so that a reader can ask for what was loaded.
        "positions": ",".join(f"{one}:{at}" for one, at in sorted(counts.positions.items())),
        "seconds": round(seconds, 3),
        "movements_per_second": round(sent / seconds) if seconds > 0 else 0,
    }
