"""The write side of a process without the role `writer`: it refuses to write, and says so."""

from collections.abc import Sequence

from api.problems import unavailable
from ledger.domain.facts import Command, Moved
from ledger.domain.supply import SupplyOrderPlaced
from ledger.ownership.questions import Preview
from ledger.writer.outcomes import Outcome

_DETAIL = "this process has no role writer; send writes to one that has"


class ReadOnly:
    """Every question to it ends in a 503."""

    async def submit(
        self,
        command: Command,
        *,
        actor: str | None,
        timeout_seconds: float,
        traceparent: bytes | None = None,
        trail: bytes | None = None,
    ) -> tuple[int, Outcome]:
        """Refuse."""
        del actor, timeout_seconds, traceparent, trail
        raise unavailable(_DETAIL, identity=command.id)

    async def submit_bulk(
        self,
        commands: Sequence[Command],
        *,
        actor: str | None,
        timeout_seconds: float,
        traceparent: bytes | None = None,
        trail: bytes | None = None,
    ) -> list[tuple[int, Outcome]]:
        """Refuse."""
        del commands, actor, timeout_seconds, traceparent, trail
        raise unavailable(_DETAIL)

    async def dry_run(self, command: Command, *, actor: str | None) -> tuple[int, Preview]:
        """Refuse."""
        del actor
        raise unavailable(_DETAIL, identity=command.id)

    async def find_movement(self, identity: str, sku: str | None) -> tuple[int, Moved] | None:
        """Refuse."""
        del identity, sku
        raise unavailable(_DETAIL)

    async def find_supply_order(
        self, identity: str, sku: str | None
    ) -> tuple[int, SupplyOrderPlaced] | None:
        """Refuse."""
        del identity, sku
        raise unavailable(_DETAIL)
