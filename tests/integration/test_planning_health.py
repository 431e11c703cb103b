"""Stock health over HTTP, embedded."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready

URL = "/v1/planning/health"
WINDOW = {"from": "2026-01-01", "until": "2026-01-11", "bucket": "whole", "demand_days": "10"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        yield client


async def write(client: httpx.AsyncClient, day: int, **movement: Any) -> str:
    """Send a movement of a day in January; its position."""
    body = receipt(**{"occurred_at": f"2026-01-{day:02d}T12:00:00Z", **movement})
    answer = await client.post("/v1/movements", json=body)
    assert answer.status_code == 201, answer.text
    position: str = answer.headers["ledger-position"]
    return position


async def ask(client: httpx.AsyncClient, **query: str) -> dict[str, list[dict[str, Any]]]:
    """The buckets of each group."""
    answer = await client.get(URL, params={**WINDOW, **query})
    assert answer.status_code == 200, answer.text
    return {item["name"]: item["buckets"] for item in answer.json()["items"]}


async def test_ten_days_on_paper(client: httpx.AsyncClient) -> None:
    """100 pieces at 2.00, of which 10 leave on the fourth day and 30 on the ninth."""
    await write(client, 1, quantity="100", unit_cost="2")
    await write(client, 4, type="issue", quantity="10")
    position = await write(client, 9, type="issue", quantity="30")
    [bucket] = (await ask(client, sku="A", min_position=position))["A"]
    assert (bucket["from"], bucket["until"]) == ("2026-01-01", "2026-01-11")
    assert bucket["average_on_hand"] == "87"
    assert bucket["average_value"] == "174"
    assert bucket["turnover"] == "0.45977"
    assert bucket["days_of_cover"] == "15"
    assert bucket["carrying_cost"] == "1.191781"
    assert bucket["slow"] == 0
    assert bucket["why"] == {}
    assert bucket["ageing"][0] == {"days_max": 30, "quantity": "60", "value": "120"}
    [dearer] = (await ask(client, carrying_rate="0.5", slow_cover_days="14", ageing_days="1,2"))[""]
    assert (dearer["carrying_cost"], dearer["slow"]) == ("2.383562", 1)
    assert [one["days_max"] for one in dearer["ageing"]] == [1, 2, None]
    days = (await ask(client, bucket="day"))[""]
    assert [one["on_hand"] for one in days] == ["100"] * 3 + ["90"] * 5 + ["60"] * 2


async def test_a_reversal_in_both_directions(client: httpx.AsyncClient) -> None:
    """A reversed issue never left, a reversed receipt never came."""
    await write(client, 1, quantity="10", unit_cost="1", id="kept")
    await write(client, 2, quantity="5", unit_cost="1", id="undone")
    await write(client, 3, type="issue", quantity="4", id="back")
    position = ""
    for movement, day in (("back", 5), ("undone", 6)):
        answer = await client.post(
            f"/v1/movements/{movement}/reversal", json={"occurred_at": f"2026-01-0{day}T00:00:00Z"}
        )
        assert answer.status_code == 201, answer.text
        position = answer.headers["ledger-position"]
    [bucket] = (await ask(client, sku="A", min_position=position, ageing_days="5"))["A"]
    assert (bucket["issued"], bucket["on_hand"], bucket["turnover"]) == ("0", "10", "0")
    assert bucket["why"]["days_of_cover"] == "nothing_issued"
    # 10, 15, 11, 11, 15, and 10 on five days.
    assert bucket["average_on_hand"] == "11.2"
    assert [one["quantity"] for one in bucket["ageing"]] == ["0", "10"]


async def test_sites_share_the_value_of_a_sku(client: httpx.AsyncClient) -> None:
    """Bought at 1.00 and 3.00, both are worth 2.00 each; a part of them is asked for alone."""
    await write(client, 1, quantity="10", unit_cost="1", location="N/1")
    await write(client, 1, quantity="10", unit_cost="3", location="S/1")
    position = await write(client, 2, type="issue", quantity="8", location="N/1")
    found = await ask(client, by="site", min_position=position)
    assert {name: one[0]["value"] for name, one in found.items()} == {"N": "4", "S": "20"}
    assert (await ask(client))[""][0]["value"] == "24"
    assert (await ask(client, site="S"))[""][0]["value"] == "20"
    assert list(await ask(client, by="site", site="S")) == ["S"]


async def test_losses_by_reason(client: httpx.AsyncClient) -> None:
    """Scrap and adjustments, by site and month, without what was undone."""
    await write(client, 1, quantity="50", unit_cost="2", location="N/1")
    await write(client, 1, quantity="50", unit_cost="2", location="S/1")
    lost = {"type": "adjustment", "reason": "stolen", "location": "N/1"}
    await write(client, 2, **lost, quantity="-3")
    await write(client, 3, **lost, quantity="1")
    await write(client, 3, **lost, quantity="-9", id="undone")
    await write(client, 4, type="scrap", reason="expired", quantity="4", location="S/1")
    undone = await client.post("/v1/movements/undone/reversal", json={})
    position = undone.headers["ledger-position"]
    query = {**WINDOW, "min_position": position}
    found = (await client.get(URL, params=query)).json()["losses"]
    ends = {"from": "2026-01-01", "until": "2026-01-11"}
    stolen = {**ends, "lines": 2, "lost_value": "6", "found_value": "2"}
    expired = {**ends, "lines": 1, "lost_value": "8", "found_value": "0"}
    assert found == [
        {"type": "adjustment", "reason": "stolen", "buckets": [stolen]},
        {"type": "scrap", "reason": "expired", "buckets": [expired]},
    ]
    of_site = (await client.get(URL, params={**query, "site": "S"})).json()["losses"]
    assert of_site == found[1:]
    by_day = (await client.get(URL, params={**query, "bucket": "day"})).json()["losses"]
    assert [one["from"] for one in by_day[0]["buckets"]] == ["2026-01-02", "2026-01-03"]


async def test_classes_are_those_of_a_run(client: httpx.AsyncClient) -> None:
    """Every class of the newest run, and what came after it."""
    written = []
    for sku, quantity in (("A", "80"), ("B", "15"), ("C", "5")):
        await write(client, 1, sku=sku, quantity="100", unit_cost="1")
        written.append(await write(client, 2, sku=sku, quantity=quantity, type="issue"))
    check_problem(await client.get(URL, params={"by": "class"}), 404, "not_found")
    made = await client.post(
        "/v1/planning/runs",
        json={"as_of": "2026-01-10"},
        params={"wait": "60", "min_position": ",".join(written)},
    )
    assert made.status_code == 201, made.text
    position = await write(client, 3, sku="D", quantity="7", unit_cost="1")
    found = await ask(client, by="class", min_position=position)
    values = {name: one[0]["value"] for name, one in found.items()}
    assert values == {"A": "20", "B": "85", "C": "95", "unclassified": "7"}
    run = made.json()["id"]
    assert await ask(client, by="class", run=run) == found
    wrong = await client.get(URL, params={"by": "class", "run": "none"})
    check_problem(wrong, 404, "not_found")


async def test_without_any_movement_there_is_no_group(client: httpx.AsyncClient) -> None:
    """An empty ledger has nothing; an unknown SKU is not found."""
    assert await ask(client) == {}
    found = (await client.get(URL)).json()
    assert (found["by"], found["items"]) == ("total", [])
    check_problem(await client.get(URL, params={"sku": "never"}), 404, "not_found")


async def test_before_the_first_movement_and_in_the_future(client: httpx.AsyncClient) -> None:
    """Before, there is no history; later, what was there last is still there."""
    position = await write(client, 5, quantity="10")
    early = {"from": "2025-01-01", "until": "2025-02-01", "min_position": position}
    check_problem(await client.get(URL, params={"sku": "A", **early}), 404, "not_found")
    [bucket] = (await ask(client, **{"from": "2040-01-01", "until": "2040-01-11"}))[""]
    assert (bucket["on_hand"], bucket["why"]["turnover"]) == ("10", "no_stock_value")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"by": "lot"}, "invalid_request"),
        ({"bucket": "year"}, "invalid_request"),
        ({"sku": ""}, "invalid_sku"),
        ({"site": "MAIN/A"}, "invalid_location"),
        ({"from": "yesterday"}, "invalid_time"),
        ({"from": "2026-02-03", "until": "2026-02-03"}, "invalid_request"),
        ({"from": "0001-01-01", "until": "9999-01-01"}, "invalid_request"),
        ({"until": "0001-01-01"}, "invalid_request"),
        ({"until": "0001-03-01"}, "invalid_request"),
        ({"until": "9999-12-31"}, "invalid_request"),
        ({"from": "9999-12-01", "until": "9999-12-31", "bucket": "week"}, "invalid_request"),
        ({"from": "1990-01-01", "until": "2026-01-01", "bucket": "day"}, "invalid_request"),
        ({"demand_days": "0"}, "invalid_request"),
        ({"demand_days": "-1"}, "invalid_request"),
        ({"demand_days": "1e2"}, "invalid_request"),
        ({"excess_cover_days": "99999999999"}, "invalid_request"),
        ({"slow_cover_days": "50000"}, "invalid_request"),
        ({"carrying_rate": "-0.1"}, "invalid_request"),
        ({"carrying_rate": "11"}, "invalid_request"),
        ({"carrying_rate": "lots"}, "invalid_request"),
        ({"ageing_days": "30,30"}, "invalid_request"),
        ({"ageing_days": ""}, "invalid_request"),
        ({"ageing_days": "30;60"}, "invalid_request"),
        ({"run": "x"}, "invalid_request"),
        ({"until": "2026-01-01", "min_position": "9:9"}, "invalid_request"),
    ],
)
async def test_bad_input(client: httpx.AsyncClient, query: dict[str, str], code: str) -> None:
    """One clear problem each."""
    check_problem(await client.get(URL, params=query), 422, code)


async def test_a_window_after_the_last_movement(client: httpx.AsyncClient) -> None:
    """Only `from` was given, so it is what is wrong; where both are, the end is."""
    position = await write(client, 9, quantity="1", unit_cost="2")
    query = {"from": "2026-02-01", "min_position": position}
    answer = await client.get(URL, params=query)
    check_problem(answer, 422, "invalid_request")
    assert answer.json()["detail"] == "from: the last movement was before it, on 2026-01-09"
    answer = await client.get(URL, params={**query, "until": "2026-01-31"})
    assert answer.json()["detail"] == "until: the window ends before it begins"
