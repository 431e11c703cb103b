"""The level of many commands at once: the highest that any of them needs."""

import pytest

from ledger.domain.facts import Command, RaiseLevel
from ledger.events.envelope import TYPE_LEVELS
from ledger.events.levels import level_needed, level_of_all
from tests import builders as make

FIRST: list[Command] = [
    make.receipt(),
    make.issue(),
    make.define(name="a name"),
    RaiseLevel("id", "A", 2),
]
SECOND: list[Command] = [
    make.receipt(supply_order="o"),
    make.define(price="1"),
    make.place(),
    make.change("o", quantity="1"),
    make.close("o"),
]


@pytest.mark.parametrize("newer", SECOND, ids=lambda one: type(one).__name__)
def test_the_highest_counts(newer: Command) -> None:
    """Wherever it is; the same as asked one by one."""
    assert [level_needed(one, TYPE_LEVELS) for one in (*FIRST, newer)] == [1, 1, 1, 1, 2]
    assert level_of_all(FIRST) == 1
    assert level_of_all([]) == 1
    assert level_of_all([*FIRST, newer]) == 2
    assert level_of_all([newer, *FIRST]) == 2
