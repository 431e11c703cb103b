"""Old versions stay readable for ever: an upcaster turns retired `data` into the next version.

A retired type is never written again. Each upcaster goes one version up; they chain.
"""

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Upcaster = Callable[[Document], Document]

# Retired type → (the type that follows it, how its data becomes that type's data).
UPCASTERS: dict[str, tuple[str, Upcaster]] = {}


def upcast(
    event_type: str, data: Document, upcasters: dict[str, tuple[str, Upcaster]]
) -> tuple[str, Document]:
    """The newest type and data that `event_type` and `data` lead to."""
    seen = set()
    while event_type in upcasters:
        if event_type in seen:
            raise ValueError(f"the upcasters of {event_type} go round in a circle")
        seen.add(event_type)
        event_type, step = upcasters[event_type]
        data = step(data)
    return event_type, data
