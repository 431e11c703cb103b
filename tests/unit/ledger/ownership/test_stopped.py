"""A partition that is stopped by a fault is unknown to whoever asks, alone or among others."""

from typing import Any

import pytest

from ledger.ownership.group import Alone
from ledger.ownership.instances import Instances
from ledger.ownership.questions import StateUnknown
from ledger.ownership.wire import Bundle, Reply
from ledger.service import NotAllKnown
from tests import builders as make
from tests.unit.ledger.ownership.fakes import ScriptedPeers, all_elsewhere
from tests.unit.ledger.writer.harness import World, tell, writer_of
from tests.waiting import eventually


async def _elsewhere(_url: str, bundle: Bundle) -> Reply:
    return all_elsewhere(bundle)


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
async def test_nobody_hears_of_an_old_state(shared: bool) -> None:
    """It answers for itself: it does not look for an owner elsewhere."""
    world = World()
    options: dict[str, Any] = {"url": "http://me"}
    peers = ScriptedPeers(_elsewhere)
    if shared:
        options["instances"] = Instances(Alone(1), peers, own_url="http://me", sender="one")
    async with world.ledger(**options) as ledger:
        await eventually(lambda: ledger.writers)
        if shared:
            await eventually(lambda: writer_of(ledger).follower.claimed)
        await tell(ledger, make.receipt("1", id="before"))
        # The log loses its past under the writer.
        del world.broker.partitions[0][2:]
        await tell(ledger, make.receipt("1", id="after"))
        await eventually(lambda: writer_of(ledger).failure)
        with pytest.raises(StateUnknown):
            await ledger.dry_run(make.issue("1", id="try"), actor=None)
        with pytest.raises(NotAllKnown):
            await ledger.find_movement("never", None)
        assert "is stopped" in f"{ledger.ready()}"
    assert peers.asked == []
