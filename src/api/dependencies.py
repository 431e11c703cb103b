"""What endpoints work with: made once when the server starts, carried in the lifespan's state."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypedDict

from prometheus_client import CollectorRegistry
from starlette.requests import Request

from api.edge import ACTOR
from api.limits import VIEW_POLL_SECONDS
from api.positions import parse_positions
from api.problems import Problem
from api.queries import Query
from api.views import Views
from ledger.config import Settings
from ledger.domain.facts import Command, Moved
from ledger.domain.items import ItemDefined
from ledger.domain.rejections import Rejected
from ledger.writer.outcomes import Outcome, Replayed


class Submitter(Protocol):
    """The ledger as the endpoints see it: `ledger.service.Ledger`."""

    @property
    def partitions(self) -> int:
        """How many partitions the log has."""
        ...

    async def submit(
        self, command: Command, *, actor: str | None, timeout_seconds: float
    ) -> tuple[int, Outcome]:
        """Execute one command that has an id."""
        ...

    async def submit_bulk(
        self, commands: list[Command], *, actor: str | None, timeout_seconds: float
    ) -> list[tuple[int, Outcome]]:
        """Execute many, in order; one outcome each."""
        ...

    async def dry_run(
        self, command: Command, *, actor: str | None
    ) -> tuple[int, Moved | ItemDefined | Rejected | Replayed]:
        """What would become of a command."""
        ...

    async def find_movement(self, id: str, sku: str | None) -> tuple[int, Moved] | None:  # noqa: A002
        """The movement of an id, as the log has it."""
        ...

    async def end(self, partition: int) -> int:
        """The log's end."""
        ...

    def ready(self) -> list[str]:
        """Why it is not ready."""
        ...


@dataclass(frozen=True)
class Services:
    """The parts of a running server."""

    settings: Settings
    ledger: Submitter
    views: Views
    registry: CollectorRegistry
    # Each names, in sentences, why this process is not ready.
    checks: list[Callable[[], Awaitable[list[str]]]] = field(default_factory=list)


class LifespanState(TypedDict):
    """What the lifespan hands to every request."""

    services: Services


def services(request: Request) -> Services:
    """The parts of the server that handles this request."""
    found: Services = request.scope["state"]["services"]
    return found


def actor(request: Request) -> str | None:
    """Who asks: the id of the API key."""
    found: str | None = request.scope[ACTOR]
    return found


async def wait_for_view(parts: Services, query: Query) -> None:
    """Wait until the views have read as far as `min_position`; a problem if they do not."""
    text = query.get("min_position")
    if text is None:
        return
    wanted = parse_positions(text, parts.ledger.partitions)
    missing = await _missing(parts.views, wanted)
    if not missing:
        return
    for partition, offset in missing.items():
        if offset >= await parts.ledger.end(partition):
            raise Problem("invalid_request", f"min_position: {partition}:{offset} is not written")
    deadline = time.monotonic() + parts.settings.view_wait_seconds
    while missing:
        if time.monotonic() >= deadline:
            partition, offset = next(iter(missing.items()))
            raise Problem("view_lagging", f"{partition}:{offset} is not visible yet")
        await asyncio.sleep(VIEW_POLL_SECONDS)
        missing = await _missing(parts.views, missing)


async def _missing(views: Views, wanted: dict[int, int]) -> dict[int, int]:
    positions = await views.positions()
    return {
        partition: offset
        for partition, offset in wanted.items()
        if positions.get(partition, 0) <= offset
    }
