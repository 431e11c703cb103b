"""A seal over all of a log, as the walk of verify meets it."""

import asyncio
from collections.abc import Callable

from ops.seals.check import Seals
from ops.seals.sealing import Order, make_seal
from ops.verify.partition import SealWatch
from tests.contract.read_models.cases import MemoryLog
from tests.unit.ops.seals.histories import KEY

SEALED_AT = "2026-11-22T12:00:00Z"


def sealed(log: MemoryLog) -> Callable[[int], SealWatch]:
    """A seal of the log as it is."""
    signed = asyncio.run(make_seal(log, Order(KEY, lambda: SEALED_AT, None), lambda *_: None))
    seals = Seals([signed.seal], ["key"], authentic=True)
    return seals.watch
