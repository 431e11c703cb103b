"""One look at all ids and references says the same as a look at each, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import codes
from ledger.domain.checks import all_sound, check_texts
from ledger.domain.facts import Command
from ledger.domain.items import DefineItem, Item
from ledger.domain.movements import Receipt, Reference, Reversal

LONG = "x" * (codes.ID_LENGTH_MAX + 1)
texts = st.one_of(st.text(max_size=4), st.sampled_from(["a-1", "", " a", LONG, "\ud800", "é"]))


def receipt(identity: str | None, reference: Reference | None = None) -> Receipt:
    """A receipt with this id and reference."""
    return Receipt(sku="S", quantity="1", location="L", id=identity, reference=reference)


@given(st.lists(st.tuples(texts, st.none() | st.builds(Reference, type=texts, id=texts))))
def test_it_never_passes_what_a_single_look_refuses(
    found: list[tuple[str, Reference | None]],
) -> None:
    """Sound means that no check of one would have refused."""
    commands: list[Command] = [receipt(*each) for each in found]
    if all_sound(commands):
        for command in commands:
            assert codes.check_id(command.id or "") is None
            assert check_texts(command) is None  # type: ignore[arg-type]


def test_plain_texts_are_sound() -> None:
    """What nearly all requests look like takes the short way."""
    order = Reference(type="order", id="O-17")
    assert all_sound([receipt("a-1", order), receipt("a-2"), DefineItem("d", "S", Item())])
    assert all_sound([Reversal(sku="S", reverses="a-1", id="r-1")])


@pytest.mark.parametrize("odd", ["", None, LONG, "a b", "a\n", "é"])
def test_one_odd_id_makes_all_be_looked_at(odd: str | None) -> None:
    """In front, in the middle and at the end."""
    for position in range(3):
        commands = [receipt("a-1"), receipt("a-2")]
        commands.insert(position, receipt(odd))
        assert not all_sound(commands)
