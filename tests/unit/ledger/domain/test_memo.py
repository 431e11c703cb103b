"""A memo answers as its function does, and forgets rather than grows."""

from ledger.domain.memo import ENTRIES_MAX, TEXT_LENGTH_MAX, Memo


def test_what_was_made_once_is_not_made_again() -> None:
    """The function sees each key once."""
    asked: list[int] = []

    def double(number: int) -> int:
        asked.append(number)
        return number * 2

    memo = Memo(double)
    assert [memo[3], memo[4], memo[3]] == [6, 8, 6]
    assert asked == [3, 4]


def test_it_never_holds_more_than_its_bound() -> None:
    """One key more than fits, and it starts afresh, still right."""
    memo = Memo(str)
    assert [memo[number] for number in range(ENTRIES_MAX + 1)] == [
        *map(str, range(ENTRIES_MAX + 1))
    ]
    assert len(memo) == 1


def test_long_texts_are_not_kept() -> None:
    """What is malformed may be of any length, and of any number."""
    memo: Memo[str | tuple[str, str | None], int] = Memo(len)
    long = "x" * (TEXT_LENGTH_MAX + 1)
    assert (memo[long], memo["a", long], memo[long[1:]]) == (TEXT_LENGTH_MAX + 1, 2, 400)
    assert [*memo] == [long[1:]]
