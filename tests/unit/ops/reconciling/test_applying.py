"""Adjustments are sent to the right ledger, and each has its own answer."""

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from ops.console import CommandError, ExitCode
from ops.loading.client import BulkClient
from ops.reconciling.applying import Applied, apply
from ops.reconciling.ours import Witness
from ops.reconciling.proposals import Adjustment, Policy
from tests.unit.ops.reconciling.made import at

HERE = at("A", "DC1", "", "available")
ADJUSTMENTS = [Adjustment(f"i{number}", HERE, -1, 5, 0, "lost") for number in range(3)]
WITNESS = Witness("w", "B")
Handle = Callable[[httpx.Request], httpx.Response]


def applied(handle: Handle, witness: Witness | None = WITNESS) -> list[Applied]:
    """What becomes of the adjustments with a server that answers so."""

    async def main() -> list[Applied]:
        client = BulkClient(
            "http://127.0.0.1:1", None, 60, lambda _: None, httpx.MockTransport(handle)
        )
        try:
            policy = Policy("s", finest=True)
            return await apply(client, ADJUSTMENTS, policy, witness, lambda _: None)
        finally:
            await client.close()

    return asyncio.run(main())


def test_each_has_its_answer_and_the_views_are_waited_for() -> None:
    """So that the next look sees what this one did."""
    asked: list[str] = []
    answers = [
        {"status": "accepted", "id": "i0", "position": {"partition": 2, "offset": 7}},
        {"status": "replayed", "id": "i1", "position": {"partition": 2, "offset": 5}},
        {"status": "rejected", "id": "i2", "code": "version_conflict", "detail": "not so",
         "position": {"partition": 2, "offset": 8}},
    ]  # fmt: skip

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        if request.method == "POST":
            sent = json.loads(request.content)
            assert [(one["id"], one["expected_on_hand"]) for one in sent] == [
                ("i0", "5"), ("i1", "5"), ("i2", "5"),
            ]  # fmt: skip
            return httpx.Response(200, json={"results": answers})
        return httpx.Response(200, json={"items": []})

    found = applied(handle)
    assert [one.says for one in found] == [
        "accepted", "replayed", "the stock moved since it was read: run the command again",
    ]  # fmt: skip
    assert asked == [
        "/v1/movements?id=w&sku=B", "/v1/movements/bulk", "/v1/stock?limit=1&min_position=2%3A8",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, ExitCode.FOUND_WRONG, "of another ledger"),
        (401, ExitCode.USAGE, "refuses the API key"),
        (503, ExitCode.UNAVAILABLE, "answers 503"),
    ],
)
def test_nothing_is_sent_to_a_server_that_may_be_another(
    status: int, code: ExitCode, says: str
) -> None:
    """It must have a movement of the views that were compared."""

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(status, json={"detail": "no"})

    with pytest.raises(CommandError, match=says) as caught:
        applied(handle)
    assert caught.value.code == code


def test_a_ledger_without_movements() -> None:
    """There is nothing to ask for; a server that went away says so."""

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        return httpx.Response(422, json={"detail": "no"})

    with pytest.raises(CommandError, match="answers 422"):
        applied(handle, None)
