"""What instances ask of each other: who is let in, what is refused, and what is answered."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from api.internal import Internal, SecretRequired
from api.metrics import HttpMetrics
from ledger.config import Settings, open_log, open_snapshots
from ledger.domain.facts import Moved
from ledger.domain.movements import Receipt
from ledger.errors import LogUnavailable
from ledger.ownership.address import NAME_PATH
from ledger.ownership.group import Alone
from ledger.ownership.host import Host
from ledger.ownership.instances import Instances
from ledger.ownership.lanes import BUNDLE_PATH, QUESTION_PATH
from ledger.ownership.wire import (
    Bundle,
    Part,
    Question,
    decode_reply,
    encode,
    unwrap_outcomes,
    wrap_commands,
)
from ledger.peers import MEDIA_TYPE, NOTHING_DONE_HEADER, PeerUnreachable
from ledger.service import Ledger
from ledger.writer.outcomes import Outcome
from tests.waiting import eventually

SECRET = "a-secret-of-the-cluster"
GOOD = {"authorization": f"Bearer {SECRET}", "content-type": MEDIA_TYPE}
PARTITIONS = 2


class NoPeers:
    """There is nobody else."""

    async def ask(self, url: str, path: str, body: bytes, seconds: float) -> bytes:
        """Nobody answers."""
        raise PeerUnreachable(f"{url}{path}: {len(body)} bytes, {seconds} seconds")

    async def close(self) -> None:
        """Nothing is open."""


class App:
    """The endpoint with a ledger behind it."""

    def __init__(self, ledger: Any, **values: Any) -> None:
        """Settings with these values."""
        settings = Settings(
            _env_file=None, **{"kafka_bootstrap": "127.0.0.1:9", "cluster_secret": SECRET, **values}
        )
        self.metrics = HttpMetrics()
        self._internal = Internal(settings, "me", self.metrics)
        self._state = {"services": SimpleNamespace(ledger=ledger)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """With the lifespan's state, as a server does it."""
        await self._internal({**scope, "state": self._state}, receive, send)

    async def post(
        self, path: str, body: bytes, headers: dict[str, str] = GOOD, method: str = "POST"
    ) -> httpx.Response:
        """One request."""
        transport = httpx.ASGITransport(self)
        async with httpx.AsyncClient(transport=transport, base_url="http://me") as client:
            return await client.request(method, path, content=body, headers=headers)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """One that owns all partitions of its log."""
    settings = Settings(_env_file=None, data_dir=tmp_path, partitions=PARTITIONS)
    log, snapshots = open_log(settings), open_snapshots(settings)
    await log.open()
    await snapshots.open()
    instances = Instances(Alone(PARTITIONS), NoPeers(), own_url="http://me", sender="me")
    made = Ledger(
        log, snapshots, None, instance="me", new_ledger_id=lambda: "a-ledger", url="http://me",
        instances=instances,
    )  # fmt: skip
    await made.start()
    yield made
    await made.close()
    await snapshots.close()
    await log.close()


def bundle(*identities: str, ledger_id: str = "a-ledger", sku: str = "A") -> Bundle:
    """Receipts in one part each."""
    commands = [
        Receipt(id=identity, sku=sku, quantity="1", location="MAIN") for identity in identities
    ]
    partition = 0
    parts = [Part(partition, "key", None, 60.0, wrap_commands([command])) for command in commands]
    return Bundle(ledger_id, "other", parts)


async def outcomes(app: App, ledger: Ledger, *identities: str) -> list[Outcome]:
    """What becomes of receipts, once the ledger has claimed its partitions."""
    sku = next(f"S{number}" for number in range(99) if ledger.partition_of(f"S{number}") == 0)
    found: list[Outcome] = []

    async def decided() -> bool:
        answer = await app.post(BUNDLE_PATH, encode(bundle(*identities, sku=sku)))
        assert answer.status_code == 200, answer.text
        parts = decode_reply(answer.content).parts
        found[:] = [outcome for part in parts for outcome in unwrap_outcomes(part.outcomes)]
        return all(isinstance(outcome, Moved) for outcome in found)

    await eventually(decided)
    return found


def refused(answer: httpx.Response, status: int, code: str) -> None:
    """A problem of a request of which nothing was done, and the header says so."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers[NOTHING_DONE_HEADER] == "1"
    assert SECRET not in answer.text


async def test_a_bundle_is_decided(ledger: Ledger) -> None:
    """One reply for each part; it is counted by its path."""
    app = App(ledger)
    found = await outcomes(app, ledger, "one", "two")
    assert [fact.id for fact in found if isinstance(fact, Moved)] == ["one", "two"]
    (requests, *_) = app.metrics.collect()
    assert {sample.labels["route"] for sample in requests.samples} == {BUNDLE_PATH}


async def test_a_question_is_answered(ledger: Ledger) -> None:
    """By a reply with one part: the movement of an id, or what would become of a command."""
    app = App(ledger)
    (fact,) = await outcomes(app, ledger, "one")
    asked = Question("a-ledger", 0, None, "one", [])
    answer = await app.post(QUESTION_PATH, encode(asked))
    (part,) = decode_reply(answer.content).parts
    assert unwrap_outcomes(part.outcomes) == [fact]


async def test_the_name_is_told(ledger: Ledger) -> None:
    """So that an instance knows itself at its own address."""
    answer = await App(ledger).post(NAME_PATH, b"")
    assert answer.content == b"me"


@pytest.mark.parametrize(
    "authorization",
    [None, "", SECRET, f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}", "Bearer sl_key_secret"],
)
async def test_only_the_secret_opens_it(ledger: Ledger, authorization: str | None) -> None:
    """An API key does not, and not knowing is answered before anything is read."""
    headers = {"content-type": MEDIA_TYPE}
    if authorization is not None:
        headers["authorization"] = authorization
    answer = await App(ledger).post(BUNDLE_PATH, b"\xc1", headers)
    refused(answer, 401, "unauthorized")


async def test_without_a_secret_only_on_loopback(ledger: Ledger) -> None:
    """And no web page may use it there."""
    with pytest.raises(SecretRequired, match="cluster_secret"):
        App(ledger, host="0.0.0.0", cluster_secret=None)
    app = App(ledger, cluster_secret=None)
    assert (await app.post(NAME_PATH, b"", {"content-type": MEDIA_TYPE})).content == b"me"
    page = {"content-type": MEDIA_TYPE, "origin": "http://me"}
    refused(await app.post(NAME_PATH, b"", page), 403, "forbidden")


async def test_an_embedded_ledger_has_no_such_endpoint(ledger: Ledger) -> None:
    """There are no other instances."""
    app = App(ledger, kafka_bootstrap=None)
    refused(await app.post(NAME_PATH, b""), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "method", "headers", "status", "code"),
    [
        ("/internal/v1/other", "POST", GOOD, 404, "not_found"),
        (BUNDLE_PATH, "GET", GOOD, 405, "method_not_allowed"),
        (BUNDLE_PATH, "POST", GOOD | {"content-type": "application/json"}, 415,
         "unsupported_media_type"),
        (BUNDLE_PATH, "POST", GOOD | {"x-long": "x" * 40_000}, 431, "headers_too_large"),
    ],
)  # fmt: skip
async def test_what_is_no_request_of_an_instance(  # noqa: PLR0913, PLR0917 - a row of the table
    ledger: Ledger, path: str, method: str, headers: dict[str, str], status: int, code: str
) -> None:
    """Refused before the body is looked at."""
    refused(await App(ledger).post(path, b"\xc1", headers, method), status, code)


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x90", b"{}", encode(["a-ledger", "x", 5])])
@pytest.mark.parametrize("path", [BUNDLE_PATH, QUESTION_PATH])
async def test_a_malformed_body(ledger: Ledger, path: str, body: bytes) -> None:
    """It is the sender's fault, and nothing was done."""
    refused(await App(ledger).post(path, body), 422, "invalid_request")


async def test_a_bundle_with_one_malformed_part_does_nothing(ledger: Ledger) -> None:
    """Its good parts neither: the sender is told that nothing was done."""
    app = App(ledger)
    await outcomes(app, ledger, "before")
    ends = [await ledger.end(partition) for partition in range(PARTITIONS)]
    good = bundle("good").parts
    for wrong in (
        Part(0, None, None, 5.0, [(0, msgspec.Raw(b"\x05"))]),
        Part(0, None, None, 5.0, [(77, msgspec.Raw(b"\x80"))]),
        Part(PARTITIONS, None, None, 5.0, []),
        Part(-1, None, None, 5.0, []),
        Part(0, None, None, 5.0, [], b'{"origin":"o"}'),
    ):
        answer = await app.post(BUNDLE_PATH, encode(Bundle("a-ledger", "other", [*good, wrong])))
        refused(answer, 422, "invalid_request")
    assert [await ledger.end(partition) for partition in range(PARTITIONS)] == ends


async def test_another_ledger(ledger: Ledger) -> None:
    """Nothing of it belongs here."""
    app = App(ledger)
    answer = await app.post(BUNDLE_PATH, encode(bundle("one", ledger_id="other")))
    refused(answer, 409, "foreign_ledger")
    asked = Question("other", 0, None, "one", [])
    refused(await app.post(QUESTION_PATH, encode(asked)), 409, "foreign_ledger")


async def test_a_body_has_limits(ledger: Ledger) -> None:
    """By its declared length, before it is read."""
    app = App(ledger, body_bytes_max=1024, bulk_items_max=1)
    refused(await app.post(BUNDLE_PATH, b"\x90" * 2_000), 413, "too_large")

    async def chunks() -> AsyncIterator[bytes]:
        yield b"\x90"

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://me") as client:
        answer = await client.post(BUNDLE_PATH, content=chunks(), headers=GOOD)
    refused(answer, 422, "invalid_request")


async def test_a_question_that_the_log_cannot_answer_now(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be asked again: 503, and nothing was done. The cause stays here."""

    async def fail(_host: Host, _question: Question) -> None:
        raise LogUnavailable("broker kafka-1 said no")

    monkeypatch.setattr(Host, "question", fail)
    answer = await App(ledger).post(QUESTION_PATH, encode(Question("a-ledger", 0, None, "x", [])))
    refused(answer, 503, "unavailable")
    assert "kafka-1" not in answer.text


async def test_a_defect_says_nothing_of_what_was_done(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender must take it for unclear."""

    async def fail(_host: Host, _bundle: Bundle) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Host, "bundle", fail)
    answer = await App(ledger).post(BUNDLE_PATH, encode(bundle("one")))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert NOTHING_DONE_HEADER not in answer.headers
    assert "defect" not in answer.text


async def test_a_ledger_that_is_not_open_yet() -> None:
    """Try again."""
    refused(await App(object()).post(NAME_PATH, b""), 503, "unavailable")
