"""The client keeps at it: what is not final is sent again, with the same ids."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from api.trails import OWN_CLIENTS
from ops.console import CommandError
from ops.loading import client as module
from ops.loading.client import BulkClient, Item, Position, Result

Answers = Iterator[httpx.Response | Exception]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off by nothing."""
    monkeypatch.setattr(module, "BACKOFF_SECONDS_MIN", 0.0)


def results(*found: dict[str, Any]) -> httpx.Response:
    """The answer of the bulk endpoint."""
    return httpx.Response(200, json={"results": list(found)})


def items(*identities: str) -> list[Item]:
    """Movements to send."""
    return [Item(line, {"id": one, "sku": "A"}) for line, one in enumerate(identities, start=2)]


def run(
    answers: list[httpx.Response | Exception],
    work: Callable[[BulkClient], Awaitable[Any]],
    patience_seconds: float = 60,
) -> tuple[Any, list[list[str]], list[str]]:
    """Do something with a server that answers so; also what it was sent and why one waited."""
    asked: list[list[str]] = []
    waits: list[str] = []
    following = iter(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            asked.append([one["id"] for one in json.loads(request.content)])
        else:
            asked.append([request.url.raw_path.decode()])
        answer = next(following)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def main() -> Any:
        client = BulkClient(
            "http://127.0.0.1:1", "key", patience_seconds, waits.append, httpx.MockTransport(handle)
        )
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(main()), asked, waits


def test_results_come_in_order() -> None:
    """One for each item."""
    answer = results(
        {"status": "accepted", "id": "a", "position": {"partition": 1, "offset": 2}, "index": 0},
        {"status": "rejected", "id": "b", "code": "insufficient_stock", "detail": "3 > 2"},
    )
    found, asked, _ = run([answer], lambda client: client.send(items("a", "b")))
    assert asked == [["a", "b"]]
    assert found == [
        Result("accepted", "a", position=Position(1, 2)),
        Result("rejected", "b", "insufficient_stock", "3 > 2"),
    ]


def test_what_is_unknown_is_sent_again() -> None:
    """And only that."""
    answers: list[httpx.Response | Exception] = [
        results(
            {"status": "accepted", "id": "a"},
            {"status": "unknown", "id": "b", "code": "unavailable"},
            {"status": "rejected", "id": "c", "code": "unavailable"},
        ),
        results({"status": "replayed", "id": "b"}, {"status": "accepted", "id": "c"}),
    ]
    found, asked, waits = run(answers, lambda client: client.send(items("a", "b", "c")))
    assert asked == [["a", "b", "c"], ["b", "c"]]
    assert [one.status for one in found] == ["accepted", "replayed", "accepted"]
    assert "not known yet" in waits[0]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(503, json={"detail": "busy"}, headers={"retry-after": "0"}),
        httpx.Response(429, text="slow down"),
        httpx.Response(500, text="oops"),
    ],
)
def test_trouble_is_waited_for(trouble: httpx.Response | Exception) -> None:
    """The same batch again."""
    good = results({"status": "accepted", "id": "a"})
    found, asked, waits = run([trouble, trouble, good], lambda client: client.send(items("a")))
    assert asked == [["a"]] * 3
    assert found[0].is_good
    assert len(waits) == 2


def test_patience_ends() -> None:
    """With a sentence that says how to go on."""
    with pytest.raises(CommandError, match="goes on where it stopped") as caught:
        run([httpx.ConnectError("refused")] * 3, lambda client: client.send(items("a")), -1)
    assert caught.value.code == 3


@pytest.mark.parametrize(
    ("answer", "part", "code"),
    [
        (httpx.Response(401, json={"detail": "send a key"}), "refuses the API key: send a key", 2),
        (httpx.Response(404, text="nothing"), "answers 404: Not Found", 3),
        (httpx.Response(200, text="<html>"), "is no stockledger", 3),
        (results(), "0 results for 1 items", 3),
    ],
)
def test_what_no_retry_can_change(answer: httpx.Response, part: str, code: int) -> None:
    """It ends at once."""
    with pytest.raises(CommandError, match=part) as caught:
        run([answer], lambda client: client.send(items("a")))
    assert caught.value.code == code


def test_a_batch_that_is_too_large_is_halved() -> None:
    """Down to the one item that is too large by itself."""
    large = httpx.Response(413, json={"detail": "at most 9 bytes"})
    good = results({"status": "accepted", "id": "a"})
    found, asked, _ = run([large, good, large], lambda client: client.send(items("a", "b")))
    assert asked == [["a", "b"], ["a"], ["b"]]
    assert found[1] == Result("invalid", "b", "too_large", "at most 9 bytes")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(httpx.Response(200), True), (httpx.Response(404), False), (httpx.ReadError("cut"), False)],
)
def test_asking_for_a_movement(answer: httpx.Response | Exception, expected: bool) -> None:
    """What cannot be asked counts as not there."""
    found, asked, _ = run([answer], lambda client: client.has_movement("a/b c", "s&k"))
    assert found is expected
    assert asked == [["/v1/movements?id=a%2Fb+c&sku=s%26k"]]


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8000", "ftp://127.0.0.1", "http://[", "nowhere", "http://h:x", "http://h:65536"],
)
def test_an_address_that_is_none(url: str) -> None:
    """It is said at once, not waited for."""

    async def main() -> None:
        client = BulkClient(url, None, 0, lambda _why: None)
        try:
            await client.send(items("a"))
        finally:
            await client.close()

    with pytest.raises(CommandError, match="no address"):
        asyncio.run(main())


def test_commands_of_ours_are_known_by_their_name() -> None:
    """The server records which of them sent a movement."""
    assert BulkClient.user_agent.partition("/")[0].encode() in OWN_CLIENTS
