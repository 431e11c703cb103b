"""An application behind uvicorn, on a socket of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from starlette.types import ASGIApp
from uvicorn import Config, Server


@asynccontextmanager
async def served(
    app: ASGIApp, http: type[asyncio.Protocol] | Literal["httptools"] = "httptools"
) -> AsyncIterator[int]:
    """Serves it with that protocol; yields its port."""
    config = Config(
        app,
        port=0,
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        headers=[("x-all", "1")],
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it knows no events
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving
