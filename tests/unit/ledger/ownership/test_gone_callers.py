"""Callers who leave while their commands wait to be sent to another instance."""

import asyncio

from ledger.ownership.lanes import REQUESTS_MAX
from ledger.ownership.wire import Bundle, Reply
from ledger.writer.deadlines import Deadlines
from ledger.writer.outcomes import Unknown
from ledger.writer.queue import Request, Submission
from tests.unit.ledger.ownership.fakes import all_decided, identities, submission
from tests.unit.ledger.ownership.test_remote import ONE, Place
from tests.waiting import eventually


async def test_a_caller_who_is_gone_is_not_sent() -> None:
    """What waits in a lane is told how long its caller still waits; who left is left out."""
    gate = asyncio.Event()
    sent: list[tuple[list[str], float]] = []

    async def answer(_url: str, bundle: Bundle) -> Reply:
        sent.extend((identities(part), part.seconds_left) for part in bundle.parts)
        await gate.wait()
        return all_decided(bundle)

    loop = asyncio.get_running_loop()
    place, deadlines = Place(answer, ONE), Deadlines(loop)

    async def call(name: str, seconds: float) -> object:
        request = Request(loop)
        told = Submission(submission(name).commands, None, request)
        assert place.remote.offer(told)
        await deadlines.wait(request, (told,), seconds)
        return told.outcomes[0]

    patient = []
    for number in range(REQUESTS_MAX):
        patient.append(asyncio.create_task(call(f"first-{number}", 30.0)))
        await eventually(lambda: len(sent) == len(patient))
    patient.append(asyncio.create_task(call("last", 30.0)))
    # It waits before the other one begins to, so that it has waited at least as long.
    await eventually(lambda: place.remote.waiting == len(patient))
    assert isinstance(await call("gone", 0.1), Unknown)
    await eventually(lambda: place.remote.waiting == len(patient))
    gate.set()
    assert await asyncio.gather(*patient)
    ((names, seconds_left),) = sent[REQUESTS_MAX:]
    assert names == ["last"]
    assert seconds_left <= 30.0 - 0.1
    deadlines.close()
