"""The same digits with and without the processor's wide instructions."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.options import Options
from tests.unit.projections.planning.forecasting.series import demand, history

ROOT = Path(__file__).parents[5]


def _digest() -> str:
    """Of all numbers of a choice that every model takes part in."""
    kinds = ("noise", "trend", "season", "lumpy")
    rows = [demand(kind, 90 + seed, seed) for kind in kinds for seed in range(1, 25)]
    choice = choose(history(rows), Options(season=12, horizon=7))
    scores = choice.scores
    numbers = (choice.chosen, choice.constants, choice.forecasts, choice.lower, choice.upper)
    more = (scores.mase, scores.rmsse, scores.bias, scores.pinball)
    return hashlib.sha256(b"".join(array.tobytes() for array in (*numbers, *more))).hexdigest()


def test_the_processors_wide_instructions_change_no_digit() -> None:
    wide = np.show_config("dicts")["SIMD Extensions"]["found"]
    if not wide:
        pytest.skip("this processor has none that numpy would use")
    script = "from tests.unit.projections.planning.forecasting.test_digits import _digest; "
    plain = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script + "print(_digest())"],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(wide)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert plain.stdout.strip() == _digest()
