"""The outermost layer, the metrics, and what the framework would do by itself."""

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from api.answers import Answer, document
from api.bodies import content_type, read_body
from api.budget import ByteBudget
from api.edge import Edge
from api.metrics import HttpMetrics
from api.operations import Operation, fixed, routes
from api.problems import Problem
from api.queries import flag, limit, read_query
from api.security import Gate
from tests.unit.api.serving import check_problem, settings_in


class Inner:
    """An application that does what it is told."""

    def __init__(self, does: Any) -> None:
        self.does = does

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(self.does, BaseException):
            raise self.does
        await document(200, self.does)(scope, receive, send)


@pytest.fixture
def metrics() -> HttpMetrics:
    return HttpMetrics()


def client(tmp_path: Path, metrics: HttpMetrics, does: Any = None) -> httpx.AsyncClient:
    edge = Edge(Inner(does), Gate(settings_in(tmp_path)), metrics)
    return httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://test")


async def test_every_answer_has_the_headers(tmp_path: Path, metrics: HttpMetrics) -> None:
    """Also that of a request that was refused at the door."""
    async with client(tmp_path, metrics) as one:
        answers = [
            await one.get("/", headers={"x-request-id": "abc-1"}),
            await one.get("/", headers={"host": "evil.example", "x-request-id": "abc-1"}),
        ]
    assert [answer.status_code for answer in answers] == [200, 403]
    for answer in answers:
        assert answer.headers["x-request-id"] == "abc-1"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_request_gets_an_id(tmp_path: Path, metrics: HttpMetrics) -> None:
    """Each its own."""
    async with client(tmp_path, metrics) as one:
        names = {(await one.get("/")).headers["x-request-id"] for _ in range(3)}
    assert len(names) == 3


async def test_an_unexpected_error_says_nothing(tmp_path: Path, metrics: HttpMetrics) -> None:
    """But it is in the log under the id that the caller gets."""
    with capture_logs() as lines:
        async with client(tmp_path, metrics, ValueError("secret 10.0.0.1")) as one:
            answer = await one.get("/")
    problem = check_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert lines[0]["request_id"] == problem["request_id"] == answer.headers["x-request-id"]
    assert lines[0]["log_level"] == "error"


async def test_the_frameworks_exceptions_are_problems(tmp_path: Path, metrics: HttpMetrics) -> None:
    """Whatever a library raises that way."""
    async with client(tmp_path, metrics, HTTPException(405)) as one:
        check_problem(await one.get("/"), 405, "method_not_allowed")


async def test_someone_who_hangs_up_is_counted_and_not_logged(
    tmp_path: Path, metrics: HttpMetrics
) -> None:
    """It is no error of ours."""
    with capture_logs() as lines, pytest.raises(AssertionError):
        async with client(tmp_path, metrics, ClientDisconnect()) as one:
            await one.get("/")
    assert lines == []
    (requests, _) = metrics.collect()
    assert requests.samples[0].labels["status"] == "499"


async def test_a_fixed_path_is_answered_without_the_router(
    tmp_path: Path, metrics: HttpMetrics
) -> None:
    """With the same headers, refusals and counting as behind it."""

    async def endpoint(asked: Request) -> Answer:
        if asked.query_params.get("broken"):
            raise ValueError("secret")
        return document(200, "found", [(b"content-security-policy", b"mine")])

    operation = Operation("GET", "/fixed", endpoint, "getFixed", "test", "Fixed", {})
    declared = fixed(routes([operation, replace(operation, path="/fixed/{id}")]))
    assert list(declared) == ["/fixed"]
    edge = Edge(Inner("routed"), Gate(settings_in(tmp_path)), metrics, declared)
    transport = httpx.ASGITransport(edge)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as one:
        found = await one.get("/fixed", headers={"x-request-id": "abc-1"})
        assert (found.json(), found.headers["content-security-policy"]) == ("found", "mine")
        assert found.headers["x-request-id"] == "abc-1"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert (await one.get("/fixed/")).json() == "routed"
        refused = await one.post("/fixed")
        check_problem(refused, 405, "method_not_allowed")
        assert refused.headers["allow"] == "GET, HEAD"
        with capture_logs() as lines:
            check_problem(await one.get("/fixed", params={"broken": "1"}), 500, "internal_error")
        assert lines[0]["route"] == "/fixed"
    (requests, _) = metrics.collect()
    counted = {tuple(sample.labels.values()): sample.value for sample in requests.samples}
    assert counted == {
        ("GET", "/fixed", "200"): 1,
        ("GET", "/fixed", "500"): 1,
        ("GET", "unmatched", "200"): 1,
        ("POST", "/fixed", "405"): 1,
    }


async def test_long_heads_are_refused(tmp_path: Path, metrics: HttpMetrics) -> None:
    """Headers and query count together."""
    async with client(tmp_path, metrics) as one:
        check_problem(await one.get("/", params={"q": "x" * 33_000}), 431, "headers_too_large")


async def test_metrics_have_templates_not_paths(tmp_path: Path, metrics: HttpMetrics) -> None:
    """Nor methods that somebody made up: each label is a time series."""
    metrics.observe("GET", "/v1/stock/{sku}", 200, 0.003)
    metrics.observe("GET", "/v1/stock/{sku}", 200, 99.0)
    metrics.observe("BREW", "unmatched", 404, 0.0)
    requests, seconds = metrics.collect()
    counted = {tuple(one.labels.values()): one.value for one in requests.samples}
    assert counted == {("GET", "/v1/stock/{sku}", "200"): 2, ("other", "unmatched", "404"): 1}
    buckets = {
        one.labels["le"]: one.value
        for one in seconds.samples
        if one.name.endswith("_bucket") and one.labels["method"] == "GET"
    }
    assert (buckets["0.0025"], buckets["0.005"], buckets["30.0"], buckets["+Inf"]) == (0, 1, 1, 2)


def request(
    query: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None, *chunks: bytes
) -> Any:
    """A request as the server hands it over, its body in chunks."""
    waiting = list(chunks)

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    parts = SimpleNamespace(budget=ByteBudget(1_000_000))
    scope = {
        "type": "http",
        "query_string": query,
        "headers": headers or [],
        "state": {"services": parts},
    }
    return Request(scope, receive)


async def test_bodies_in_chunks() -> None:
    """As long as they are short enough together."""
    assert await read_body(request(b"", None, b"ab", b"", b"cd"), 4) == b"abcd"
    assert await read_body(request(b"", None, b"abcd"), 4) == b"abcd"
    for chunks in ((b"abcde",), (b"ab", b"cde"), (b"ab", b"cd", b"e", b"f")):
        with pytest.raises(Problem, match="at most 4 bytes"):
            await read_body(request(b"", None, *chunks), 4)
    with pytest.raises(Problem, match="at most 4 bytes"):
        await read_body(request(b"", [(b"content-length", b"5")], b"x"), 4)


async def test_a_body_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a sender that is slow nor one that hangs up keeps memory."""
    hanging = request()
    hanging._receive = _chunk_then_disconnect()
    with pytest.raises(ClientDisconnect):
        await read_body(hanging, 10)
    monkeypatch.setattr("api.bodies.BODY_SECONDS_MAX", 0.01)
    for chunks in ((b"a",), ()):
        slow = request()
        slow._receive = _chunks_then_silence(*chunks)
        with pytest.raises(Problem, match="arrive within") as caught:
            await read_body(slow, 10)
        assert caught.value.status == 408


def _chunk_then_disconnect() -> Any:
    messages = [{"type": "http.request", "body": b"a", "more_body": True}]

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _chunks_then_silence(*chunks: bytes) -> Any:
    import asyncio

    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        return {}

    return receive


@pytest.mark.parametrize(
    ("given", "good"),
    [
        (b"application/json", True),
        (b"Application/JSON; charset=utf-8", True),
        (b"application/jsonx", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_content_types(given: bytes, good: bool) -> None:
    """Parameters do not matter."""
    one = request(b"", [(b"content-type", given)])
    if good:
        assert content_type(one, {"application/json"}) == "application/json"
        return
    with pytest.raises(Problem, match="Content-Type"):
        content_type(one, {"application/json"})


def test_queries() -> None:
    """Nothing unknown, nothing twice, nothing malformed, not too many."""
    assert read_query(request(b""), ()) == {}
    assert read_query(request(b"a=%2F+x&b="), {"a", "b"}) == {"a": "/ x", "b": ""}
    for wrong in (b"c=1", b"a=1&a=1", b"a=%FF", b"a=\xff", b"a=1&" * 40):
        with pytest.raises(Problem) as caught:
            read_query(request(wrong), {"a"})
        assert caught.value.code == "invalid_request"


def test_numbers_and_flags() -> None:
    """Only what is meant."""
    assert (limit({}), limit({"limit": "1000"})) == (100, 1000)
    assert (flag({}, "dry_run"), flag({"dry_run": "true"}, "dry_run")) == (False, True)
    for wrong in ("0", "1001", "-1", "1e2", "", "٣"):
        with pytest.raises(Problem, match="limit is"):
            limit({"limit": wrong})
    with pytest.raises(Problem, match="true or false"):
        flag({"dry_run": "1"}, "dry_run")


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
