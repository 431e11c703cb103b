"""Sending adjustments to a running server, and what became of each."""

from collections.abc import Callable, Sequence

import msgspec

from ops.console import CommandError, ExitCode
from ops.loading.client import BulkClient, Item, Result
from ops.reconciling.ours import Witness
from ops.reconciling.proposals import Adjustment, Policy, movement

BATCH_ITEMS = 1_000
STOCK_MOVED = "version_conflict"


class Applied(msgspec.Struct, frozen=True):
    """An adjustment and what the server answered."""

    adjustment: Adjustment
    result: Result

    @property
    def says(self) -> str:
        """What became of it, for people."""
        if self.result.is_good:
            return self.result.status
        if self.result.code == STOCK_MOVED:
            return "the stock moved since it was read: run the command again"
        return f"{self.result.status}: {self.result.detail or self.result.code}"


async def apply(
    client: BulkClient,
    adjustments: Sequence[Adjustment],
    policy: Policy,
    witness: Witness | None,
    told: Callable[[int], None],
) -> list[Applied]:
    """Send all of them, and wait until the views show what counts. `told` hears how many are sent.

    Raises CommandError where the server is of another ledger, or does not answer.
    """
    if witness is not None and not await client.must_have(witness.id, witness.sku):
        raise CommandError(
            f"the server does not have the movement {witness.id} of these views: "
            "it is of another ledger",
            ExitCode.FOUND_WRONG,
        )
    done: list[Applied] = []
    for start in range(0, len(adjustments), BATCH_ITEMS):
        batch = adjustments[start : start + BATCH_ITEMS]
        items = [
            Item(number, movement(one, policy)) for number, one in enumerate(batch, start=start + 1)
        ]
        results = await client.send(items)
        done += [Applied(*pair) for pair in zip(batch, results, strict=True)]
        told(len(done))
    await _wait(client, done)
    return done


async def _wait(client: BulkClient, done: Sequence[Applied]) -> None:
    """Until the next reconciliation sees what this one did; a lag loses nothing."""
    offsets: dict[int, int] = {}
    for one in done:
        at = one.result.position
        if at is not None:
            offsets[at.partition] = max(at.offset, offsets.get(at.partition, 0))
    if offsets:
        await client.views_have(",".join(f"{one}:{at}" for one, at in sorted(offsets.items())))
