"""One process among others of the same ledger: its name, and how it hands over what it writes."""

import uuid
from collections.abc import Awaitable, Callable

from ledger.config import Settings

STOPPING = "the process is stopping"


class Process:
    """Named when the application is made, so that claims of two lives are never taken for one."""

    def __init__(self, settings: Settings) -> None:
        """A new name for each process, whatever the operator calls the instance."""
        self.name = f"{settings.instance_id}-{uuid.uuid4().hex[:6]}"
        self._stopping = False
        # A static member comes back at once and has the same share again.
        self._seconds = 0.0 if settings.static_membership else settings.handoff_seconds
        self._hand_over: Callable[[float], Awaitable[None]] | None = None

    def writes(self, hand_over: Callable[[float], Awaitable[None]]) -> None:
        """There is something to hand over; the argument is how many seconds it may take."""
        self._hand_over = hand_over

    def reasons(self) -> list[str]:
        """Whether no new requests should come here."""
        return [STOPPING] if self._stopping else []

    async def hand_over(self) -> None:
        """Go on until other instances have taken over, or for as long as the settings allow."""
        self._stopping = True
        if self._hand_over is not None and self._seconds:
            await self._hand_over(self._seconds)
