"""An owner of an older version: what it cannot read it refuses, with all else in the request."""

import asyncio

import pytest

from ledger.domain.movements import Receipt
from ledger.ownership import remote as module
from ledger.ownership.remote import CLOSING
from ledger.ownership.wire import Bundle, Reply, unwrap_commands
from ledger.peers import PeerUnreachable
from ledger.writer.outcomes import Unavailable
from tests.unit.ledger.ownership.fakes import all_decided, decided, submission
from tests.unit.ledger.ownership.test_remote import ONE, Place
from tests.waiting import eventually


async def test_an_older_owner_refuses_what_it_cannot_read_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Movements go on while somebody names a supply order, and nobody takes the owner for gone."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.0)

    async def older(_url: str, bundle: Bundle) -> Reply:
        commands = [one for part in bundle.parts for one in unwrap_commands(part.commands)]
        if any(getattr(one, "supply_order", None) for one in commands):
            raise PeerUnreachable(f"{ONE} answered 400")
        return all_decided(bundle)

    place = Place(older, ONE)
    newer = submission("n")
    newer.commands = [Receipt(id="n", sku="A", quantity="1", location="MAIN", supply_order="o")]
    assert place.remote.offer(newer)
    await eventually(lambda: len(place.urls) > 1)
    together = [submission(f"m{number}") for number in range(20)]
    assert all(map(place.remote.offer, together))
    answers = [sent.outcomes[0] for sent in together]
    assert answers == [None] * 20, "nobody is sent away"
    await asyncio.wait_for(asyncio.gather(*(sent.request.done for sent in together)), 10)
    assert [sent.outcomes[0] for sent in together] == [decided(f"m{n}") for n in range(20)]
    assert newer.outcomes == [None]
    place.remote.close()
    await eventually(lambda: newer.outcomes == [Unavailable("n", CLOSING)])
