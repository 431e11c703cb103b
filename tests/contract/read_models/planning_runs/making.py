"""A ledger with a year of trade of several kinds, and runs made of it."""

import random
from datetime import date, timedelta
from itertools import count
from typing import Any

import msgspec
from sqlalchemy import select

from api.schemas.planning import check_run, resolve
from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide
from ledger.domain.facts import Moved, Refused
from ledger.domain.items import Supplier
from ledger.domain.movements import Issue, MovementCommand, Pick, Receipt, Scrap, Transfer
from ledger.domain.rejections import Rejected
from ledger.domain.supply import PlaceSupplyOrder
from ledger.writer.refusals import refusal
from projections.database import Database
from projections.planning import runs
from projections.planning.parameters import Parameters, day_number
from projections.planning.run_execute import Execution
from projections.planning.run_results import RESULT_TABLES
from projections.planning.run_tables import planning_runs
from projections.planning.run_writer import PlanningWriter
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog, Teller

AS_OF = date(2025, 12, 28)  # a Sunday, the last day of a whole week
TODAY = day_number("2026-01-05")
FIRST = date(2025, 1, 6)
_RULES = Rules(backdate_limit_us=36_500 * 86_400_000_000)

# SKU: partition, mean and how uneven demand is, share of days with demand, unit cost.
TRADE = {
    "STEADY": (0, 20, 0.1, 1.0, "9.5"),
    "UNEVEN": (1, 12, 1.2, 1.0, "4"),
    "RARE": (0, 6, 0.2, 0.05, "30"),
    "LUMPY": (1, 25, 1.5, 0.1, "2.25"),
    "DEAD": (0, 5, 0.3, 0.5, "1"),
    "CHEAP": (1, 40, 0.3, 0.8, "0.01"),
    "FREE": (0, 3, 0.3, 0.6, None),
}


class Trade:
    """Tells a year of trade, deterministically; `position` is what is known at the end of it."""

    def __init__(self, seed: int = 1) -> None:
        """Describe some items, receive and sell."""
        self.log = MemoryLog(2)
        self.tellers = [Teller(self.log, 0), Teller(self.log, 1)]
        self._chance = random.Random(seed)
        self._numbers = count(1)
        suppliers = (Supplier("ACME", 10), Supplier("OTHER", 3))
        self.tellers[0].define("STEADY", "i1", unit_cost="9.5", price="9.75", suppliers=suppliers)
        self.tellers[1].define("UNEVEN", "i2", shelf_life_days=20, suppliers=(Supplier("B", 40),))
        self.tellers[1].define("LUMPY", "i3", scale=2, price="12.333333")
        self.tellers[1].define("CHEAP", "i4", price="0.005")
        self.tellers[0].define("FREE", "i5", price="1")
        for sku in TRADE:
            self._sell(sku)
        self._order()
        self.say(0, Issue(sku="RARE", quantity="99999", location="MAIN/A"))

    def say(self, partition: int, command: MovementCommand) -> None:
        """Tell a command with an id, whatever its age; a refusal is a fact too."""
        teller = self.tellers[partition]
        teller.now_ms += 1
        teller.state.offset = teller.end
        named = msgspec.structs.replace(command, id=f"m-{next(self._numbers)}")
        context = Context(_RULES, teller.now_ms)
        fact = decide(teller.state, named, context)
        if isinstance(fact, Rejected):
            teller.lay(refusal(teller.end, named, fact, context))
        else:
            assert isinstance(fact, Moved | Refused)
            teller.lay(fact)

    def _order(self) -> None:
        """Seven orders of STEADY that took 8 to 20 days, and one that is still open."""
        for number in range(7):
            placed = date(2025, 2, 1) + timedelta(30 * number)
            self.place("STEADY", "500", placed, f"o-{number}")
            self.say(
                0,
                Receipt(
                    sku="STEADY", quantity="500", location="MAIN/A", unit_cost="9.5",
                    supply_order=f"o-{number}", occurred_at=_at(placed + timedelta(8 + 2 * number)),
                ),
            )  # fmt: skip
        self.place("STEADY", "700", date(2025, 12, 20), "o-open")

    def place(
        self, sku: str, quantity: str, day: date, identity: str, supplier: str = "ACME"
    ) -> None:
        """An order of something in the first partition, due in ten days."""
        teller = self.tellers[0]
        teller.now_ms += 1
        teller.state.offset = teller.end
        placed = PlaceSupplyOrder(
            id=identity, sku=sku, quantity=quantity, supplier=supplier, location="MAIN",
            placed_at=_at(day), expected_at=_at(day + timedelta(10)),
        )  # fmt: skip
        fact = decide(teller.state, placed, Context(_RULES, teller.now_ms))
        assert not isinstance(fact, Rejected), fact
        teller.lay(fact)

    def _sell(self, sku: str) -> None:
        partition, mean, spread, often, cost = TRADE[sku]
        for place, amount in (("MAIN/A", "30000"), ("EAST/A", "2000")):
            self.say(
                partition,
                Receipt(
                    sku=sku, quantity=amount, location=place, unit_cost=cost,
                    occurred_at=_at(FIRST, "06:00"),
                ),
            )  # fmt: skip
        day = FIRST
        last = date(2025, 4, 1) if sku == "DEAD" else AS_OF + timedelta(5)
        while day <= last:
            if self._chance.random() < often:
                quantity = max(1, round(mean * (1 + spread * self._chance.uniform(-1, 1))))
                place = "EAST/A" if self._chance.random() < 0.2 else "MAIN/A"
                kind = Pick if self._chance.random() < 0.5 else Issue
                self.say(
                    partition,
                    kind(sku=sku, quantity=str(quantity), location=place, occurred_at=_at(day)),
                )
            day += timedelta(1)
        self.say(
            partition,
            Scrap(
                sku=sku, quantity="3", location="MAIN/A", reason="expired",
                occurred_at=_at(date(2025, 6, 1)),
            ),
        )  # fmt: skip
        self.say(
            partition,
            Transfer(
                sku=sku, quantity="5", from_location="MAIN/A", to_location="EAST/A",
                occurred_at=_at(date(2025, 7, 1)),
            ),
        )  # fmt: skip


def _at(day: date, time: str = "12:00") -> str:
    return f"{day.isoformat()}T{time}:00Z"


def parameters(**request: Any) -> Parameters:
    """Parameters as a request would give them; the day is that of the trade's end."""
    wanted = check_run({"as_of": AS_OF.isoformat(), **request})
    return resolve(wanted, today=TODAY, positions=None)


def run_parameters(
    today: int, positions: dict[str, int] | None = None, **request: Any
) -> Parameters:
    """Parameters as a request of that day would give them, known up to these next offsets."""
    return resolve(check_run(request), today=today, positions=positions)


async def make(database: Database, wanted: Parameters, number: int = 1) -> dict[str, Any]:
    """Make a run in this process; its row."""
    url = database.url.render_as_string(hide_password=False)
    writer = PlanningWriter(url)
    lease = runs.Lease(LEDGER_ID, f"run-{number:03}", f"attempt-{number}")
    new = runs.NewRun(
        lease=lease, parameters=wanted, origin="command", code_version="1", started_ms=1
    )
    try:
        await runs.begin(writer, new)
        await Execution(database, writer, lease, lambda: 2).run(wanted)
    finally:
        await writer.close()
    async with database.reader() as reader:
        found = select(planning_runs).where(planning_runs.c.run_id == lease.run_id)
        row = await reader.first(found)
        assert row is not None
        return dict(row)


async def results(database: Database, run_id: str = "run-001") -> dict[str, list[dict[str, Any]]]:
    """All rows of a run, by table and without its id."""
    found: dict[str, list[dict[str, Any]]] = {}
    async with database.reader() as reader:
        for table in RESULT_TABLES:
            query = select(table).where(table.c.run_id == run_id).order_by(*table.primary_key)
            rows = [dict(row) for row in await reader.all(query)]
            for row in rows:
                del row["run_id"]
            found[table.name] = rows
    return found
