"""What aiokafka forgets is no failure of a test, and what anybody else forgets is."""

import asyncio
import gc
import socket
import warnings
from collections.abc import Callable

import pytest
from aiokafka.conn import AIOKafkaProtocol


def forget(new_protocol: Callable[[asyncio.AbstractEventLoop], asyncio.BaseProtocol]) -> list[str]:
    """What is said of a connection whose loop ends before anybody has closed it."""

    async def connect(port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: new_protocol(loop), "127.0.0.1", port)

    with (
        socket.create_server(("127.0.0.1", 0)) as there,
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter("always")
        asyncio.run(connect(there.getsockname()[1]))
        gc.collect()
    return [str(one.message) for one in said]


def of_aiokafka(loop: asyncio.AbstractEventLoop) -> asyncio.BaseProtocol:
    """As aiokafka makes it."""
    reader = asyncio.StreamReader(loop=loop)
    protocol: asyncio.BaseProtocol = AIOKafkaProtocol(loop.create_future(), reader, loop=loop)
    return protocol


def test_one_of_aiokafka() -> None:
    """Nothing is said of it, but perhaps of its socket, which belongs to nobody then."""
    assert not any("unclosed transport" in one for one in forget(of_aiokafka))


@pytest.mark.filterwarnings("default")
def test_one_of_ours() -> None:
    """It is named."""
    said = forget(lambda _loop: asyncio.Protocol())
    assert any("unclosed transport" in one for one in said)
