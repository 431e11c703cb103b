"""Why the stock of a SKU is what it is, over HTTP and by the command line; and who did it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api.serving import check_problem, client_of, settings_in, wait_ready
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

SKU = "A/1"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def _write(client: httpx.AsyncClient) -> dict[str, str]:
    """A receipt, a pick that is too much, an issue, its reversal; answers to read behind it."""
    one = {"sku": SKU, "location": "MAIN/A/01"}
    for movement, headers in (
        ({"id": "r", "type": "receipt", "quantity": "9", **one}, {"x-request-id": "my-1"}),
        ({"id": "x", "type": "pick", "quantity": "99", **one}, {}),
        ({"id": "i", "type": "issue", "quantity": "2", **one},
         {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}),
    ):  # fmt: skip
        answer = await client.post("/v1/movements", json=movement, headers=headers)
    answer = await client.post("/v1/movements/i/reversal", params={"sku": SKU}, json={"id": "v"})
    assert answer.status_code == 201, answer.text
    bulk = {"id": "b", "type": "receipt", "quantity": "1", "sku": SKU, "location": "OUT"}
    agent = {"user-agent": "stockledger-load/1"}
    answer = await client.post("/v1/movements/bulk", json=[bulk], headers=agent)
    return {"min_position": answer.headers["ledger-position"]}


async def _asked(client: httpx.AsyncClient, **query: Any) -> httpx.Response:
    return await client.get("/v1/stock-explain", params={"sku": SKU, **query})


async def test_why_it_is_so_much(tmp_path: Path) -> None:
    """Every step with its balance and its trail; pages; places; virtual accounts; bad questions."""
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        read = await _write(client)
        found = (await _asked(client, location="MAIN", **read)).json()
        assert (found["on_hand"], found["opening"], found["closing"]) == ("9", "0", "9")
        steps = [(one["id"], one["kind"], one["balance"]) for one in found["items"]]
        assert steps == [
            ("v", "movement", "9"), ("i", "movement", "7"), ("x", "refused", "9"),
            ("r", "movement", "9"),
        ]  # fmt: skip
        assert found["items"][0]["reversal_of"]["id"] == "i"
        ways = [one["origin"].partition("@")[0] for one in found["items"]]
        assert ways == ["reverseMovement", *["recordMovement"] * 3]
        assert [one["request_id"] for one in found["items"]][1::2] == [TRACE, "my-1"]
        out = (await _asked(client, location="OUT", attempts="false")).json()
        assert [one["origin"].partition("@")[0] for one in out["items"]] == ["load"]
        assert (await _asked(client, account="@customer")).json()["on_hand"] == "0"
        page = (await _asked(client, order="oldest", limit=2)).json()
        rest = (await _asked(client, order="oldest", cursor=page["next_cursor"])).json()
        assert (page["closing"], rest["opening"], rest["summary"]) == ("9", "9", None)
        assert len(page["items"]) + len(rest["items"]) == 5
        ((partition, last),) = found["as_of_position"].items()
        issued = found["items"][1]
        for then, echo in (
            ({"as_of_position": f"{partition}:{issued['position']['offset']}"}, None),
            ({"as_known_at": issued["recorded_at"]}, issued["recorded_at"]),
        ):
            was = (await _asked(client, location="MAIN", **then)).json()
            assert (was["on_hand"], was["items"][0]["id"]) == ("7", "i")
            assert was["items"][0]["reversed_by"] is None
            assert was.get("as_known_at") == echo
        never = (await _asked(client, as_of="1999-01-01T00:00:00Z")).json()
        assert (never["on_hand"], never["items"], never["summary"]["agrees"]) == ("0", [], True)
        for query, code in (
            ({"order": "up"}, "invalid_request"), ({"account": "@nobody"}, "invalid_request"),
            ({"account": "@scrap", "lot": "L"}, "invalid_request"),
            ({"attempts": "maybe"}, "invalid_request"), ({"cursor": "x"}, "invalid_request"),
            ({"location": "a//b"}, "invalid_location"), ({"status": "odd"}, "invalid_status"),
            ({"as_of": "yesterday"}, "invalid_time"),
            ({"as_of_position": f"{partition}:{last + 1}"}, "invalid_request"),
            ({"as_of_position": f"{1 - int(partition)}:0"}, "invalid_request"),
            ({"min_position": "0:999"}, "invalid_request"), ({"colour": "red"}, "invalid_request"),
        ):  # fmt: skip
            check_problem(await _asked(client, **query), 422, code)
        check_problem(await client.get("/v1/stock-explain"), 422, "invalid_request")
        check_problem(await client.get("/v1/stock/Z/explain"), 404, "not_found")


@pytest.mark.parametrize("level", ["2", "3"])
def test_the_command_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """The same from the data directory, also of a log that knows no trails."""
    monkeypatch.setattr("ledger.writer.opening.FORMAT_LEVEL", int(level))

    async def fill() -> None:
        async with client_of(settings_in(tmp_path / "data")) as client:
            await wait_ready(client)
            await _asked(client, **await _write(client))

    assert run("explain", SKU)[0] == 1
    assert not (tmp_path / "data").exists()
    asyncio.run(fill())
    code, out, _ = run("explain", SKU, "--location", "MAIN", "--json")
    found = json.loads(out)
    assert (code, found["on_hand"], len(found["items"])) == (0, "9", 4)
    assert (found["items"][3]["request_id"] == "my-1") is (level == "3")
    code, out, _ = run("explain", SKU, "--limit", "2", "--oldest")
    assert code == 0
    for part in ("receipt: 2 movements", "refused: pick 99 x", "more: --cursor", "local"):
        assert part in out
    ((partition, _),) = found["as_of_position"].items()
    issued = found["items"][1]["position"]["offset"]
    flags = ("--location", "MAIN", "--as-of-position", f"{partition}:{issued}")
    code, out, _ = run("explain", SKU, *flags)
    assert (code, out.splitlines()[0]) == (0, f"{SKU} MAIN: 7, up to position {partition}:{issued}")
    code, out, _ = run("explain", SKU, "--as-of", "1999-01-01T00:00:00Z", "--json")
    assert (code, json.loads(out)["on_hand"]) == (0, "0")
    for wrong, status in (
        (("Z",), 1), ((SKU, "--location", "a//b"), 2), ((SKU, "--cursor", "x"), 2),
        ((SKU, "--as-of", "yesterday"), 2), ((SKU, "--as-of-position", f"{partition}:999"), 2),
        ((SKU, "--as-of-position", f"{1 - int(partition)}:0"), 2),
        ((SKU, "--account", "@x"), 2), ((SKU, "--url", "ftp://x"), 2),
        ((SKU, "--url", "http://127.0.0.1:1"), 3),
    ):  # fmt: skip
        code, out, err = run("explain", *wrong)
        assert (code, out) == (status, ""), wrong
        assert err.startswith("stockledger: ")
