"""Clients that do a little of everything on the same few SKUs, and remember what is open."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from ops.check_history.history import Operation
from tests.chaos.recorder import Recorder

SKUS = [f"SKU-{number:02}" for number in range(24)]
PLACES = ("MAIN/A", "MAIN/B", "NORTH/A")
LOTS = (None, None, "L1", "L2")
BULK_ITEMS = 20
# Every so many ids are sent by all clients, who then must all send the same.
SHARED_EVERY = 7
CALL_SECONDS_MAX = 15.0
PAUSE_SECONDS = 0.05
SETTLE_SECONDS_MAX = 90.0
Document = dict[str, Any]


class Client:
    """Works until it is told to stop; then sends again what it has heard nothing of."""

    def __init__(self, recorder: Recorder, seed: int) -> None:
        """Its own chance."""
        self.recorder = recorder
        # By id, what was sent and had no final answer yet.
        self.open: dict[str, Document] = {}
        self._chance = random.Random(f"{seed}-{recorder.client}")
        self._seed = seed
        self._count = 0
        self._moved: list[Operation] = []

    async def work(self, stop: asyncio.Event) -> None:
        """One call after the other."""
        async with self.recorder:
            while not stop.is_set():
                heard = await self._step()
                if heard.outcome in ("unknown", "unwritten"):
                    await asyncio.sleep(PAUSE_SECONDS)
            await self._settle()

    async def _settle(self) -> None:
        give_up_at = monotonic() + SETTLE_SECONDS_MAX
        while self.open and monotonic() < give_up_at:
            await self._repeat()

    async def _step(self) -> Operation:
        some = [self._move] * 5 + [self._undo] * 2 + [self._bulk, self._try, self._misuse]
        some += [self._describe, self._repeat if self.open else self._move]
        some += [self._again if self._moved else self._move]
        return await self._chance.choice(some)()

    async def _move(self) -> Operation:
        done = await self._send(self._movement())
        if done.outcome == "accepted":
            self._moved = [*self._moved[-20:], done]
        return done

    async def _try(self) -> Operation:
        return await self.recorder.dry_run(self._movement())

    async def _again(self) -> Operation:
        """Something that was answered before."""
        asked = self._chance.choice(self._moved).asked
        assert asked is not None
        return await self._send(asked)

    async def _send(self, command: Document) -> Operation:
        return self._heard(command, await self.recorder.movement(command))

    async def _repeat(self) -> Operation:
        """Send again what nothing is known of, with the same id."""
        command = self._chance.choice([*self.open.values()])
        if "item" in command:
            return self._heard(command, await self._item(command))
        if command["type"] == "reversal":
            return self._heard(command, await self.recorder.reversal(command))
        return await self._send(command)

    async def _bulk(self) -> Operation:
        commands = [self._movement() for _ in range(BULK_ITEMS)]
        heard = await self.recorder.bulk(commands)
        for command, one in zip(commands, heard, strict=True):
            self._heard(command, one)
        return heard[-1]

    async def _undo(self) -> Operation:
        """Move, read, take it back; half of the time a second time, which must be refused."""
        command = self._movement()
        done = await self._send(command)
        if done.outcome != "accepted" or done.replayed:
            return done
        await self.recorder.read(done.sku, done)
        for again in range(self._chance.randint(1, 2)):
            undo = {"type": "reversal", "id": f"{done.id}-undo-{again}", "sku": done.sku}
            undo["reverses"] = done.id
            done = self._heard(undo, await self.recorder.reversal(undo))
            if done.outcome == "unknown":
                break
        return done

    async def _misuse(self) -> Operation:
        """The same id with other content."""
        command = self._movement()
        done = await self._send(command)
        if done.outcome == "accepted":
            await self.recorder.movement({**command, "quantity": "9"})
        return done

    async def _describe(self) -> Operation:
        self._count += 1
        sku = self._chance.choice(SKUS)
        item = {"name": f"{sku} as of {self._count}"}
        command = {"id": f"{self.recorder.client}-item-{self._count}", "sku": sku, "item": item}
        return self._heard(command, await self._item(command))

    async def _item(self, command: Document) -> Operation:
        return await self.recorder.item(command["id"], command["sku"], command["item"])

    def _heard(self, command: Document, heard: Operation) -> Operation:
        if heard.outcome in ("unknown", "unwritten"):
            self.open[command["id"]] = command
        else:
            self.open.pop(command["id"], None)
        return heard

    def _movement(self) -> Document:
        """Picks mostly, so that stock runs out."""
        self._count += 1
        shared = self._count % SHARED_EVERY == 0
        chance = random.Random(f"{self._seed}-{self._count}") if shared else self._chance
        name = "all" if shared else self.recorder.client
        made: Document = {"id": f"{name}-{self._count}", "sku": chance.choice(SKUS)}
        made["quantity"] = str(chance.randint(1, 4))
        lot = chance.choice(LOTS)
        if lot is not None:
            made["lot"] = lot
        if chance.random() < 0.05:
            made["expected_on_hand"] = str(chance.randint(0, 5))
        roll = chance.random()
        if roll < 0.4:
            return made | {"type": "receipt", "location": chance.choice(PLACES), "unit_cost": "3.5"}
        if roll < 0.55:
            start, end = chance.sample(PLACES, 2)
            return made | {"type": "transfer", "from_location": start, "to_location": end}
        return made | {"type": "pick", "location": chance.choice(PLACES)}


def clients_of(urls: Sequence[str], folder: Path, seed: int, count: int) -> list[Client]:
    """So many, each of which prefers the next of the servers; file `NAME.ndjson` each."""
    made = []
    for number in range(count):
        first = number % len(urls)
        name = f"c{number}"
        recorder = Recorder(
            name,
            [*urls[first:], *urls[:first]],
            folder / f"{name}.ndjson",
            seconds_max=CALL_SECONDS_MAX,
        )
        made.append(Client(recorder, seed))
    return made
