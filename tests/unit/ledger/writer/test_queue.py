"""What waits: in order, bounded, in fair slices."""

import asyncio

import pytest

from ledger.writer.hand import refuse
from ledger.writer.outcomes import Unavailable
from ledger.writer.queue import SLICE_COMMANDS, Queue, Request, Submission
from tests.builders import receipt


def submission(count: int) -> Submission:
    """So many commands of one caller."""
    loop = asyncio.new_event_loop()
    request = Request(loop)
    loop.close()
    return Submission([receipt() for _ in range(count)], None, request)


def taken(queue: Queue, times: int = 100) -> list[tuple[Submission, int, int]]:
    """Take until nothing is left."""
    found = []
    for _ in range(times):
        one = queue.take()
        if one is None:
            break
        found.append(one)
    return found


async def test_one_after_the_other() -> None:
    """In the order of arrival; afterwards nothing waits."""
    queue = Queue(10)
    first, second = submission(2), submission(1)
    assert queue.offer(first)
    assert queue.offer(second)
    assert queue.waiting == 3
    assert queue.not_empty.is_set()
    assert taken(queue) == [(first, 0, 2), (second, 0, 1)]
    assert queue.waiting == 0
    assert not queue.not_empty.is_set()


async def test_a_long_submission_waits_behind_a_short_one() -> None:
    """After its first slice everybody else has a turn."""
    queue = Queue(100_000)
    long, short, other = submission(3 * SLICE_COMMANDS), submission(1), submission(1)
    for one in (long, short, other):
        queue.offer(one)
    assert [entry[0] for entry in taken(queue)] == [long, short, other, long, long]


async def test_two_long_ones_take_turns() -> None:
    """Neither waits for the end of the other."""
    queue = Queue(100_000)
    one, two = submission(2 * SLICE_COMMANDS), submission(2 * SLICE_COMMANDS)
    queue.offer(one)
    queue.offer(two)
    assert [(entry[0] is one, entry[1]) for entry in taken(queue)] == [
        (True, 0), (False, 0), (True, SLICE_COMMANDS), (False, SLICE_COMMANDS),
    ]  # fmt: skip


async def test_the_bound_is_in_commands() -> None:
    """What does not fit as a whole is refused as a whole; an empty queue takes anything."""
    queue = Queue(10)
    assert queue.offer(submission(25))
    assert not queue.offer(submission(1))
    taken(queue)
    assert queue.offer(submission(9))
    assert not queue.offer(submission(2))
    assert queue.offer(submission(1))
    assert queue.waiting == 10


async def test_put_back_comes_first_again_in_the_old_order() -> None:
    """With what was still waiting of it behind."""
    queue = Queue(100_000)
    long, other = submission(SLICE_COMMANDS + 50), submission(3)
    queue.offer(long)
    queue.offer(other)
    assert queue.take() == (long, 0, SLICE_COMMANDS)
    assert queue.take() == (other, 0, 3)
    queue.put_back(other, 1)
    queue.put_back(long, 100)
    assert queue.waiting == SLICE_COMMANDS + 50 - 100 + 2
    assert taken(queue) == [
        (long, 100, SLICE_COMMANDS + 50), (other, 1, 3),
    ]  # fmt: skip
    assert queue.waiting == 0


@pytest.mark.parametrize("starts", [(SLICE_COMMANDS, 0), (SLICE_COMMANDS + 1, 7)])
async def test_put_back_of_several_slices_of_one(starts: tuple[int, int]) -> None:
    """The newest first, as a void batch does it."""
    queue = Queue(100_000)
    one = submission(2 * SLICE_COMMANDS)
    queue.offer(one)
    taken(queue)
    for start in starts:
        queue.put_back(one, start)
    assert queue.waiting == 2 * SLICE_COMMANDS - starts[1]
    assert taken(queue)[0] == (one, starts[1], starts[1] + SLICE_COMMANDS)
    assert queue.waiting == 0


async def test_what_nobody_waits_for_is_dropped() -> None:
    """Before it is taken, and when it is put back."""
    queue = Queue(100_000)
    gone, long, last = submission(2), submission(SLICE_COMMANDS + 1), submission(1)
    for one in (gone, long, last):
        queue.offer(one)
    gone.cancelled = True
    assert queue.take() == (long, 0, SLICE_COMMANDS)
    long.cancelled = True
    queue.put_back(long, 0)
    assert taken(queue) == [(last, 0, 1)]
    assert queue.waiting == 0


async def test_draining() -> None:
    """Everything but what nobody waits for."""
    queue = Queue(10)
    gone, kept = submission(1), submission(2)
    queue.offer(gone)
    queue.offer(kept)
    gone.cancelled = True
    assert queue.drain() == [kept]
    assert (queue.waiting, queue.take()) == (0, None)


async def test_a_request_is_done_with_its_last_answer() -> None:
    """However many submissions it was split into, and in whatever order they are answered."""
    request = Request(asyncio.get_running_loop())
    one = Submission([receipt(), receipt()], None, request)
    two = Submission([receipt()], None, request)
    answer = Unavailable(None, "")
    one.answer(1, answer)
    two.answer_all(0, [answer])
    assert not request.done.done()
    one.answer_all(0, [None, None])
    assert not request.done.done()
    one.answer_all(0, [answer])
    assert request.done.done()


def _answered(one: Submission, start: int, stop: int) -> None:
    one.answer_all(start, [Unavailable("x", "not now")] * (stop - start))


async def test_put_back_leaves_out_what_is_answered() -> None:
    """A gap in the middle and one at the end: the rest comes again, in runs without them."""
    queue = Queue(100_000)
    size = SLICE_COMMANDS
    one, other = submission(4 * size), submission(1)
    queue.offer(one)
    assert len(taken(queue)) == 4
    _answered(one, size, 2 * size)
    _answered(one, 3 * size, 4 * size)
    queue.offer(other)
    queue.put_back(one, 2 * size)
    queue.put_back(one, size // 2)
    waiting = [*range(size // 2, size), *range(2 * size, 3 * size)]
    assert one.unanswered() == waiting
    assert queue.waiting == len(waiting) + 1
    assert queue.take() == (one, size // 2, size)
    # Put back once more, when the one behind the gap waits at the end of the queue.
    queue.put_back(one, size - 1)
    assert taken(queue) == [(one, size - 1, size), (other, 0, 1), (one, 2 * size, 3 * size)]
    assert queue.waiting == 0
    assert one.next == 4 * size


async def test_a_submission_with_gaps_that_nobody_waits_for() -> None:
    """Only what still waited of it leaves the queue."""
    queue = Queue(100_000)
    one, last = submission(3 * SLICE_COMMANDS), submission(1)
    queue.offer(one)
    taken(queue)
    _answered(one, SLICE_COMMANDS, 2 * SLICE_COMMANDS)
    queue.put_back(one, 1)
    queue.offer(last)
    one.cancelled = True
    assert taken(queue) == [(last, 0, 1)]
    assert queue.waiting == 0


async def test_refusing_a_submission_with_gaps() -> None:
    """What was answered before keeps its answer."""
    queue = Queue(100_000)
    one = submission(2 * SLICE_COMMANDS)
    queue.offer(one)
    taken(queue)
    _answered(one, SLICE_COMMANDS, 2 * SLICE_COMMANDS)
    queue.put_back(one, 0)
    (drained,) = queue.drain()
    refuse(drained, "closed")
    assert one.outcomes[0] == Unavailable(one.commands[0].id, "closed")
    assert one.outcomes[-1] == Unavailable("x", "not now")
    assert one.answered == len(one.commands)


async def test_withdrawing_the_rest_of_a_submission() -> None:
    """What was handed out of it can still be put back, and nothing behind it comes."""
    queue = Queue(100_000)
    one, other = submission(3 * SLICE_COMMANDS), submission(1)
    queue.offer(one)
    queue.offer(other)
    assert queue.take() == (one, 0, SLICE_COMMANDS)
    queue.withdraw(one)
    assert queue.waiting == 1
    _answered(one, SLICE_COMMANDS, 3 * SLICE_COMMANDS)
    queue.put_back(one, 5)
    assert taken(queue) == [(one, 5, SLICE_COMMANDS), (other, 0, 1)]
    assert queue.waiting == 0


async def test_withdrawing_what_nobody_waits_for() -> None:
    """It is dropped when its turn comes, and counted until then."""
    queue = Queue(100_000)
    one, other = submission(2 * SLICE_COMMANDS), submission(1)
    queue.offer(one)
    queue.offer(other)
    queue.take()
    one.cancelled = True
    queue.withdraw(one)
    assert taken(queue) == [(other, 0, 1)]
    assert queue.waiting == 0
