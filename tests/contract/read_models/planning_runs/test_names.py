"""Names in the parameters of a run that nothing bears, on both databases."""

import logging
import threading
from typing import Any

import pytest

from api import planning
from api.schemas.planning import check_run, resolve
from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide
from ledger.domain.items import Supplier
from ledger.domain.movements import Issue, MovementCommand, Receipt, Scrap
from ledger.domain.rejections import Rejected
from ledger.writer.refusals import refusal
from projections.database import Database
from projections.planning.parameters import InvalidParameters, Parameters
from projections.planning.planner import Making
from projections.planning.run_names import check_names
from projections.planning.run_orders import Order
from tests.contract.read_models.cases import MemoryLog, Teller
from tests.contract.read_models.planning_runs.making import parameters
from tests.contract.read_models.planning_runs.test_planner import (
    Clock,
    Held,
    kept_since_yesterday,
    planner,
)
from tests.contract.read_models.projecting import project


@pytest.fixture
async def known(database: Database) -> Database:
    """Something moved at MAIN/A, was sold out at SHOP, and refused of a SKU never received."""
    log = MemoryLog(1)
    teller = Teller(log, 0)
    suppliers = (Supplier('A"C\\ME', 10), Supplier("SECOND"))
    teller.define("DESCRIBED", "i1", name='{"suppliers":[{"code":"NAME"', suppliers=suppliers)
    teller.tell(Receipt(id="1", sku="MOVED", quantity="5", location="MAIN/A"))
    teller.tell(Receipt(id="2", sku="MOVED", quantity="5", location="SHOP"))
    teller.tell(Issue(id="3", sku="MOVED", quantity="5", location="SHOP"))
    _refuse(teller, Issue(id="4", sku="REFUSED", quantity="5", location="ASKED/B"))
    _refuse(teller, Scrap(id="5", sku="MOVED", quantity="99", location="MAIM", reason="expired"))
    await project(log, database)
    return database


def _refuse(teller: Teller, command: MovementCommand) -> None:
    """Refuse a command for lack of stock, with its place, as a writer does."""
    teller.now_ms += 1
    teller.state.offset = teller.end
    context = Context(Rules(), teller.now_ms)
    wrong = decide(teller.state, command, context)
    assert isinstance(wrong, Rejected)
    assert wrong.code == "insufficient_stock"
    teller.lay(refusal(teller.end, command, wrong, context))


def _own(*skus: str) -> dict[str, Any]:
    return {"policies": {"skus": {sku: {"level": 0.9} for sku in skus}}}


def _late(supplier: str) -> dict[str, Any]:
    return {"what_if": {"late_days": 2, "late_supplier": supplier}}


@pytest.mark.parametrize(
    "request_",
    [
        {}, {"site": "MAIN"}, {"site": "SHOP"}, {"site": "ASKED"}, _late('A"C\\ME'),
        _own("DESCRIBED", "MOVED", "REFUSED"),
    ],
)  # fmt: skip
async def test_what_was_recorded_is_known(known: Database, request_: dict[str, Any]) -> None:
    """Sold out or only refused, too."""
    async with known.reader() as reader:
        await check_names(reader, parameters(**request_))


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"site": "MAI"}, "site"),
        ({"site": "MAIM"}, "site"),
        ({"site": "MAINE"}, "site"),
        ({"site": "main"}, "site"),
        ({"site": "MAIN%"}, "site"),
        (_late('a"c\\me'), "what_if.late_supplier"),
        (_late("SECOND"), "what_if.late_supplier"),
        (_late("NAME"), "what_if.late_supplier"),
        (_late("%"), "what_if.late_supplier"),
        (_own("MOVED", "NONE"), "policies.skus.NONE"),
        (_own("moved"), "policies.skus.moved"),
    ],
)
async def test_others_are_named(known: Database, request_: dict[str, Any], field: str) -> None:
    """Part of a name, another case, what is merely quoted, and a scrap that was refused: none."""
    async with known.reader() as reader:
        with pytest.raises(InvalidParameters) as caught:
            await check_names(reader, parameters(**request_))
    assert caught.value.field == field


async def test_parameters_are_checked_beside_the_loop(
    known: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of thousands of policies may be another, and others want to be answered."""
    threads = []

    def watched(*arguments: Any, **named: Any) -> Parameters:
        threads.append(threading.current_thread())
        return resolve(*arguments, **named)

    monkeypatch.setattr(planning, "resolve", watched)
    async with known.reader() as reader:
        found = await planning.checked_parameters(reader, check_run(_own("MOVED")))
    assert list(found.policies.skus) == ["MOVED"]
    assert threads
    assert threading.current_thread() not in threads


@pytest.mark.parametrize(("sku", "said"), [("NONE", 1), ("MOVED", 0)])
async def test_the_schedule_goes_on_without_them(
    known: Database, caplog: pytest.LogCaptureFixture, sku: str, said: int
) -> None:
    """What is asked for by nobody refuses nobody: the run is made, and the log says it once."""
    made_of: list[Order] = []

    async def start(order: Order) -> Making:
        made_of.append(order)
        return Held(order)

    wanted = parameters(as_of=None, **_own(sku))
    clock = Clock()
    made = planner(known, clock, schedule_s=0, start=start, scheduled=lambda: wanted)
    await kept_since_yesterday(made, clock)
    with caplog.at_level(logging.WARNING):
        run_id = await made.look()
        assert await made.look() is None
    assert run_id is not None
    warned = [one.getMessage() for one in caplog.records if "NONE" in one.getMessage()]
    assert len(warned) == said
    assert all("policies.skus.NONE: nothing was ever recorded" in one for one in warned)
    await made.close()
    assert [order.parameters for order in made_of] == [wanted]
