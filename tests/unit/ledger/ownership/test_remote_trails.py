"""Who asked goes along with what is forwarded."""

from ledger.ownership.wire import Bundle, Reply
from ledger.writer.queue import Submission
from tests.unit.ledger.ownership.fakes import all_decided, decided, submission
from tests.unit.ledger.ownership.test_remote import ONE, Place


async def test_who_asked_by_which_request_goes_along() -> None:
    """To another instance, and to the writer here once this one is the owner."""
    seen: list[bytes | None] = []

    async def owner(_url: str, bundle: Bundle) -> Reply:
        seen.extend(part.trail for part in bundle.parts)
        return all_decided(bundle)

    class Writer:
        """Takes everything at once."""

        def offer(self, sent: Submission) -> bool:
            """Decide it."""
            seen.append(sent.request.trail)
            for index, command in enumerate(sent.commands):
                sent.answer(index, decided(command.id or ""))
            return True

    place = Place(owner, ONE)
    for trail, writer in ((b"{1}", None), (b"{2}", Writer())):
        place.remote.own_writer = writer  # type: ignore[assignment]
        sent = submission("a")
        sent.request.trail = trail
        assert await place.tell(sent) == [decided("a")]
    assert seen == [b"{1}", b"{2}"]
