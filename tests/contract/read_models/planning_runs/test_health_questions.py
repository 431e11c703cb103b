"""Stock health as it is asked for: of the classes of a run, of what is too much, of what is left
out."""

from typing import Any

import pytest

from ledger.domain.movements import Issue
from projections.database import Database
from projections.planning.catching_up import catch_up
from projections.planning.health import reading
from projections.planning.health.reading import HealthTooLargeError, Question, read_health
from projections.planning.parameters import Parameters
from tests.contract.read_models.planning_runs.making import Trade, make, parameters
from tests.contract.read_models.projecting import project

ALL = Question("total", None, None, None, (None, None), {"bucket": "whole"})
QUIET: dict[str, Any] = {"forecast": {"enabled": False}, "health": {"enabled": False}}


async def asked(database: Database, question: Question) -> dict[str, Any] | None:
    """The answer."""
    async with database.reader() as reader:
        return await read_health(reader, question)


async def values(database: Database, question: Question) -> dict[str, float]:
    """The value of each group."""
    found = await asked(database, question)
    assert found is not None
    return {item["name"]: float(item["buckets"][0]["value"]) for item in found["items"]}


async def classes(database: Database, wanted: Parameters) -> dict[str, float]:
    """The value at one site by class of a run."""
    await make(database, wanted)
    question = ALL._replace(by="class", site="MAIN", run_id="run-001")
    return await values(database, question)


@pytest.mark.parametrize("request_", [{}, {"each_site": True}, {"site": "MAIN"}])
async def test_a_site_by_the_classes_of_any_run(
    database: Database, request_: dict[str, Any]
) -> None:
    """A run that looks at all sites together has classes for the SKUs of each."""
    await project(Trade().log, database)
    found = await classes(database, parameters(**QUIET, **request_))
    assert "A" in found
    assert reading.UNCLASSIFIED not in found
    everything = await values(database, ALL._replace(site="MAIN"))
    assert sum(found.values()) == pytest.approx(everything[""])


async def test_numbers_beyond_sense_are_named(database: Database) -> None:
    """A bar code scanned as a quantity, nine times: the SKU is left out, and the answer says so."""
    trade = Trade()
    everything = await _value_of(trade, database)
    steady = await values(database, ALL._replace(sku="STEADY"))
    for _ in range(9):
        trade.say(0, Issue(sku="STEADY", quantity="1000000000000000000", location="MAIN/A"))
    await project(trade.log, database)
    found = await asked(database, ALL)
    assert found is not None
    assert found["left_out"] == ["STEADY"]
    value = float(found["items"][0]["buckets"][0]["value"])
    assert value == pytest.approx(everything - steady["STEADY"])
    with pytest.raises(HealthTooLargeError, match="STEADY"):
        await asked(database, ALL._replace(sku="STEADY"))
    assert await asked(database, ALL._replace(sku="NEVER")) is None


async def _value_of(trade: Trade, database: Database) -> float:
    await project(trade.log, database)
    found = await asked(database, ALL)
    assert found is not None
    assert found["left_out"] == []
    return float(found["items"][0]["buckets"][0]["value"])


@pytest.mark.parametrize("summed", [False, True])
async def test_too_many_days_are_refused_however_they_are_read(
    database: Database, monkeypatch: pytest.MonkeyPatch, *, summed: bool
) -> None:
    """From the tables or from the movements; one SKU is fine."""
    await project(Trade().log, database)
    if summed:
        await catch_up(database)
    monkeypatch.setattr(reading, "ROWS_MAX", 50)
    with pytest.raises(HealthTooLargeError, match="more than 50"):
        await asked(database, ALL)
    assert await asked(database, ALL._replace(sku="RARE")) is not None


async def test_too_many_days_of_sites_are_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before they are made."""
    await project(Trade().log, database)
    monkeypatch.setattr(reading, "SITE_ROWS_MAX", 10)
    with pytest.raises(HealthTooLargeError, match="sites"):
        await asked(database, ALL._replace(by="site"))
    assert await asked(database, ALL) is not None
