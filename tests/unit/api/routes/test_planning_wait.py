"""How long a caller waits for a planning run."""

import pytest

from api.problems import Problem
from api.routes.planning_runs import _wait_seconds


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("7", 7), ("60", 60), ("07", 7)])
def test_whole_seconds(text: str, seconds: int) -> None:
    """Up to a minute."""
    assert _wait_seconds({"wait": text}) == seconds


@pytest.mark.parametrize("text", ["", "61", "-1", "1.5", "\u0661", "00309999", "9" * 5_000])
def test_anything_else(text: str) -> None:
    """It is no such number, whatever its first digits are."""
    with pytest.raises(Problem, match="wait is 0 to 60 seconds"):
        _wait_seconds({"wait": text})
