"""The application under test: in this process, or behind a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from uvicorn import Config, Server

from api.app import create_app
from ledger.config import Settings
from ledger.ownership.address import AddressWatch
from tests.waiting import eventually

# A machine that does many other things may keep the views waiting for long.
VIEW_WAIT_SECONDS = 30.0


def settings_in(folder: Path, **values: Any) -> Settings:
    """Settings of an embedded ledger in `folder`, small enough to start quickly."""
    usual: dict[str, Any] = {"partitions": 2, "view_wait_seconds": VIEW_WAIT_SECONDS}
    return Settings(_env_file=None, data_dir=folder, **{**usual, **values})


class _WithState:
    """Gives requests the lifespan's state, as a server does."""

    def __init__(self, app: FastAPI, state: dict[str, Any]) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "state": self._state}, receive, send)


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application in this process, which nobody reaches by a port."""
    app = create_app(settings)
    with mock.patch.object(AddressWatch, "_is_right", _reached):
        async with _client_of(app) as client:
            yield client


async def _reached(watch: AddressWatch) -> bool:
    watch.failure = None
    return True


@asynccontextmanager
async def _client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with app.router.lifespan_context(app) as state:
        transport = httpx.ASGITransport(_WithState(app, dict(state or {})))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[int]:
    """The application behind a real socket of this machine; the answer is its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    config = Config(
        create_app(settings.model_copy(update={"port": port})),
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("the server did not start")
            await asyncio.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        await task
        listener.close()


class _Server(Server):
    """A server that leaves the signals to the tests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def wait_ready(client: httpx.AsyncClient) -> None:
    """Return once the application says that it is ready."""
    answers: list[httpx.Response] = []

    async def ready() -> bool:
        answers[:] = [await client.get("/readyz")]
        return answers[0].status_code == httpx.codes.OK

    try:
        await eventually(ready)
    except AssertionError as error:
        raise AssertionError(answers[0].text) from error


def receipt(**values: Any) -> dict[str, Any]:
    """A good receipt, or one with these fields otherwise."""
    good = {"type": "receipt", "sku": "A", "quantity": "10", "location": "MAIN/A/01"}
    return {key: value for key, value in {**good, **values}.items() if value is not ...}


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, which must have this status and code."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"urn:problem-type:stockledger:{code}"
    assert problem["title"]
    assert problem["detail"]
    return problem
