"""Whether a partition is this instance's to write, and who hears when that has changed."""

from collections.abc import Callable, Sequence

from ledger.writer.queue import Submission

# An owner repeats its claim after so many records, so that whoever looks for it finds it near the
# end of the log.
CLAIM_EVERY_RECORDS = 10_000


class Tenure:
    """`wanted`: the instances have agreed that this one should write the partition.

    `announced`: others look for the owner by its claim, so that it claims before the first command
    and repeats its claim. `began` is called after every claim that counts; `ended`, with whatever
    still waits, when another one has claimed the partition and is the one to do so.
    """

    __slots__ = ("announced", "began", "ended", "wanted")

    def __init__(
        self,
        *,
        wanted: bool = True,
        announced: bool = False,
        began: Callable[[], None] = lambda: None,
        ended: Callable[[Sequence[Submission]], None] = lambda _waiting: None,
    ) -> None:
        """By default of an instance that is alone."""
        self.wanted = wanted
        self.announced = announced
        self.began = began
        self.ended = ended

    def claim_due(self, since: int | None) -> bool:
        """Whether to claim without any command; `since` is how many records ago it claimed, None
        if the newest claim is not its own."""
        if not (self.announced and self.wanted):
            return False
        return since is None or since > CLAIM_EVERY_RECORDS
