"""Ledgers with random histories: whatever may happen to a few SKUs at a few places."""

import random
from datetime import timedelta
from typing import get_args

import msgspec

from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide
from ledger.domain.facts import Fact, Moved, Resolved
from ledger.domain.movements import MovementCommand, Reversal, WireCommand
from ledger.domain.rejections import Rejected
from ledger.writer.refusals import refusal
from tests.contract.read_models.cases import MemoryLog, Teller

DAY_US = 86_400_000_000
RULES = Rules(backdate_limit_us=36_500 * DAY_US, scale_default=1)
SKUS = (("A", "é\U0001f600"), ("Z", "A/1 \\"))
PLACES = ("MAIN/A", "MAIN/B", "MAIN", "EAST", "EAST/1", "MAINZ/É/1")
STATUSES = (None, None, "quarantined", "damaged")
QUANTITIES = ("1", "2", "0.5", "3.0", "7", "40", "1000000000000", "1000000000000.5")
DAYS = ("2026-01-01", "2025-12-31", "2025-12-30", "1970-01-01", "1969-12-31", "1969-12-30")
CLASSES = {one.__struct_config__.tag: one for one in get_args(WireCommand)}
TYPES = (*sorted(CLASSES.keys() - {"reversal"}), "receipt", "receipt")
TIMES = ("00:00:00", "23:59:59.999999", "12:00:00")


class Story:
    """A log of two partitions that grows by commands drawn from a seed."""

    def __init__(self, seed: int) -> None:
        """Empty but for its beginning, and some descriptions of items."""
        self.chance = random.Random(seed)
        self.log = MemoryLog(2)
        self.tellers = [Teller(self.log, 0), Teller(self.log, 1)]
        self._number = 0
        if self.chance.random() < 0.5:
            self.tellers[0].define("A", "scale", scale=2, unit_cost="1.5")

    def facts(self) -> dict[int, list[Fact]]:
        """Everything that counts, by partition."""
        return {teller.partition: teller.facts for teller in self.tellers}

    def go_on(self, commands: int) -> "Story":
        """Let so many commands come."""
        for _ in range(commands):
            partition = self.chance.randrange(2)
            teller = self.tellers[partition]
            # Now and then a day passes, so that refusals have days as well.
            if self.chance.random() < 0.05:
                teller.now_ms += int(timedelta(days=1).total_seconds() * 1000)
            if self.chance.random() < 0.02:
                teller.claim()
            self.attempt(teller, self.command(self.chance.choice(SKUS[partition])))
        return self

    def attempt(self, teller: Teller, command: MovementCommand | Reversal) -> Moved | None:
        """Tell it, record its refusal, or leave no record where it is malformed."""
        teller.now_ms += 1
        asked: MovementCommand | Reversal | Resolved = command
        named = getattr(command, "reverses", getattr(command, "original_id", None))
        if named is not None:
            asked = Resolved(command, teller.originals.get(named))
        context = Context(RULES, teller.now_ms)
        teller.state.offset = teller.end
        fact = decide(teller.state, asked, context)
        if not isinstance(fact, Rejected):
            assert isinstance(fact, Moved)
            teller.lay(fact)
            return fact
        if fact.needs_state:
            teller.lay(refusal(teller.end, asked, fact, context))
        return None

    def command(self, sku: str) -> MovementCommand | Reversal:
        """Any movement of this SKU."""
        pick = self.chance.choice
        self._number += 1
        earlier = [f"m{self.chance.randrange(self._number)}" for _ in range(2)]
        kind = "reversal" if self.chance.random() < 0.15 else pick(TYPES)
        place, other, status = pick(PLACES), pick(PLACES), pick(STATUSES)
        sign = pick(("", "-")) if kind == "adjustment" else ""
        wanted = {
            "type": kind,
            "id": f"m{self._number}",
            "sku": sku,
            "occurred_at": self._time(),
            "quantity": sign + pick(QUANTITIES),
            "lot": pick((None, None, "L")),
            "location": place,
            "from_location": place,
            "to_location": pick((None, other)) if kind == "pick" else other,
            "status": status,
            "from_status": "available",
            "to_status": pick(("quarantined", "damaged")),
            "unit_cost": pick((None, "2", "3.333333")),
            "reason": pick(("found", "lost", "stolen", "expired")),
            "disposition": pick((None, "quarantine", "scrap")),
            "original_id": pick((None, earlier[1])),
            "reverses": earlier[0],
        }
        known = {"type", *CLASSES[kind].__struct_fields__}
        made: MovementCommand | Reversal = msgspec.convert(
            {one: wanted[one] for one in wanted if one in known}, WireCommand
        )
        return made

    def _time(self) -> str | None:
        if self.chance.random() < 0.3:
            return None
        day = self.chance.choice(DAYS)
        if day.startswith("2026"):
            return f"{day}T00:00:00Z"
        return f"{day}T{self.chance.choice(TIMES)}Z"
