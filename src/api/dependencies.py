"""What endpoints work with: made once when the server starts, carried in the lifespan's state."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypedDict

from prometheus_client import CollectorRegistry
from starlette.requests import Request

from api.bodies import header
from api.budget import ByteBudget
from api.edge import ACTOR
from api.problems import Problem
from api.queries import Query
from ledger.config import Settings
from ledger.domain.facts import Command, Moved
from ledger.domain.supply import SupplyOrderPlaced
from ledger.events.trails import trace_id
from ledger.log import EventLog
from ledger.ownership.questions import Preview
from ledger.writer.outcomes import Outcome
from projections.identity import LedgerViews
from projections.planning.planner import Planner
from projections.positions import InvalidPosition, Positions, parse_positions


class Submitter(Protocol):
    """The write side as the endpoints see it: `ledger.service.Ledger`, or `ReadOnly`."""

    async def submit(
        self,
        command: Command,
        *,
        actor: str | None,
        timeout_seconds: float,
        traceparent: bytes | None = None,
        trail: bytes | None = None,
    ) -> tuple[int, Outcome]:
        """Execute one command that has an id."""
        ...

    async def submit_bulk(
        self,
        commands: Sequence[Command],
        *,
        actor: str | None,
        timeout_seconds: float,
        traceparent: bytes | None = None,
        trail: bytes | None = None,
    ) -> list[tuple[int, Outcome]]:
        """Execute many, in order; one outcome each."""
        ...

    async def dry_run(self, command: Command, *, actor: str | None) -> tuple[int, Preview]:
        """What would become of a command."""
        ...

    async def find_movement(self, identity: str, sku: str | None) -> tuple[int, Moved] | None:
        """The movement of an id, as the log has it."""
        ...

    async def find_supply_order(
        self, identity: str, sku: str | None
    ) -> tuple[int, SupplyOrderPlaced] | None:
        """How the supply order of an id was placed, as the log has it."""
        ...


@dataclass(frozen=True)
class Services:
    """The parts of a running server."""

    settings: Settings
    # The name of this process, as in its claims.
    instance: str
    log: EventLog
    ledger: Submitter
    views: LedgerViews
    positions: Positions
    registry: CollectorRegistry
    # Says, in sentences, why this process is not ready.
    not_ready: Callable[[], Awaitable[list[str]]]
    # Brings those numbers of the registry up to date that are looked up, not counted.
    refresh_gauges: Callable[[], Awaitable[None]]
    # Makes planning runs; None in a process without the role.
    planner: Planner | None = None
    # What the bodies of all requests under way may hold.
    budget: ByteBudget = field(init=False)

    def __post_init__(self) -> None:
        """As much as the settings allow."""
        object.__setattr__(self, "budget", ByteBudget(self.settings.queue_bytes_max))


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


def traceparent(request: Request) -> bytes | None:
    """The trace that the request belongs to; anything malformed is as good as none."""
    sent = header(request, b"traceparent")
    return sent if trace_id(sent) is not None else None


async def wait_for_view(parts: Services, query: Query) -> None:
    """Wait until the views have read as far as `min_position`; a problem if they do not."""
    text = query.get("min_position")
    if text is not None:
        wanted = read_positions_of(parts, text, "min_position", highest=True)
        await await_positions(parts, wanted, "min_position")


def read_positions_of(
    parts: Services, text: str, name: str, *, least: int = 0, highest: bool = False
) -> dict[int, int]:
    """The offsets by partition in the query parameter `name`; see `parse_positions`.

    Raises Problem.
    """
    try:
        wanted = parse_positions(text, least=least, highest=highest)
    except InvalidPosition as error:
        raise Problem("invalid_request", f"{name}: {error}") from None
    if max(wanted) >= parts.log.partitions:
        raise Problem("invalid_request", f"the log has {parts.log.partitions} partitions")
    return wanted


async def await_positions(parts: Services, wanted: Mapping[int, int], name: str) -> None:
    """Wait until the views have read these records; a problem if they are not written."""
    known = parts.positions.known()
    for partition, offset in wanted.items():
        # What a view has read is written; only beyond that the log must be asked.
        if known.get(partition, 0) <= offset and offset >= await parts.log.end(partition):
            raise Problem("invalid_request", f"{name}: {partition}:{offset} is not written")
    await parts.positions.wait_for(wanted, parts.settings.view_wait_seconds)
