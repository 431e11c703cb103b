"""Reading a body: its type, its length and its time are limited before anything is decoded."""

import asyncio
from collections.abc import Collection
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from api.answers import CLOSE, JSON
from api.budget import ByteBudget
from api.limits import BODY_SECONDS_MAX
from api.problems import Problem
from api.whole import has_come

JSON_TYPES: Final = frozenset({"application/json"})
NDJSON_TYPES: Final = frozenset({"application/x-ndjson", "application/ndjson"})


def header(request: Request, name: bytes) -> bytes | None:
    """The first header of that lower-case name, without building a mapping of all."""
    for key, value in request.scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def content_type(request: Request, allowed: Collection[str]) -> str:
    """The media type, which must be an allowed one.

    A missing type is refused too: a web page may send that to a server on the reader's own
    machine without asking, but not `application/json`.
    """
    raw = header(request, b"content-type")
    if raw == JSON and "application/json" in allowed:
        return "application/json"
    essence = "" if raw is None else raw.decode("latin-1").partition(";")[0].strip().lower()
    if essence not in allowed:
        expected = " or ".join(sorted(allowed))
        raise Problem("unsupported_media_type", f"send Content-Type: {expected}")
    return essence


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The whole body, never holding more than `bytes_max` and one chunk.

    It counts against the bytes of all requests until this one is answered.
    """
    budget: ByteBudget = request.scope["state"]["services"].budget
    declared = header(request, b"content-length")
    # A length that is no number never gets here; the server refuses it.
    if declared is not None and declared.isdigit() and int(declared) > bytes_max:
        raise _too_large(bytes_max)
    if has_come(request.receive):
        return await _read(request, bytes_max, budget)
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _read(request, bytes_max, budget)
    except TimeoutError:
        detail = f"the body must arrive within {BODY_SECONDS_MAX:.0f} seconds"
        raise Problem("request_timeout", detail, headers=(CLOSE,)) from None


async def _read(request: Request, bytes_max: int, budget: ByteBudget) -> bytes:
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        if len(whole) > bytes_max:
            raise _too_large(bytes_max)
        budget.take(request, len(whole))
        return whole
    return await _read_on(request, message, bytes_max, budget)


async def _read_on(request: Request, message: Message, bytes_max: int, budget: ByteBudget) -> bytes:
    chunks: list[bytes] = []
    length = 0
    while True:
        if message["type"] != "http.request":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        length += len(chunk)
        if length > bytes_max:
            raise _too_large(bytes_max)
        budget.take(request, len(chunk))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await request.receive()


def _too_large(bytes_max: int) -> Problem:
    return Problem("too_large", f"at most {bytes_max} bytes", members={"bytes_max": bytes_max})
