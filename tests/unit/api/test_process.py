"""A process among others: its name, and what it says while it stops."""

from pathlib import Path
from typing import Any

import pytest

from api.process import STOPPING, Process
from ledger.config import Settings


def process(folder: Path, **values: Any) -> Process:
    """With these settings."""
    return Process(Settings(_env_file=None, data_dir=folder, instance_id="shop-1", **values))


def test_two_lives_of_an_instance_have_two_names(tmp_path: Path) -> None:
    """A claim of the life before is another's claim, and its records are not this one's."""
    names = {process(tmp_path).name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("shop-1-") for name in names)


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({}, [5.0]),
        ({"handoff_seconds": 2.5}, [2.5]),
        ({"handoff_seconds": 0}, []),
        ({"static_membership": True}, []),
    ],
)
async def test_what_it_writes_is_handed_over(
    tmp_path: Path, values: dict[str, Any], asked: list[float]
) -> None:
    """Not ready from then on. A static member comes back to the same share."""
    one = process(tmp_path, **values)
    assert one.reasons() == []
    heard: list[float] = []

    async def hand_over(seconds: float) -> None:
        assert one.reasons() == [STOPPING]
        heard.append(seconds)

    one.writes(hand_over)
    await one.hand_over()
    assert heard == asked
    assert one.reasons() == [STOPPING]


async def test_a_process_that_writes_nothing_just_stops(tmp_path: Path) -> None:
    """There is nothing to hand over."""
    one = process(tmp_path)
    await one.hand_over()
    assert one.reasons() == [STOPPING]
