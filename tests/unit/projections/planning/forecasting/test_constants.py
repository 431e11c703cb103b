"""The constants: a grid, and one refinement that never makes them worse."""

import numpy as np
import pytest

from projections.planning.forecasting.backtest import fitted
from projections.planning.forecasting.history import Floats, Panel
from projections.planning.forecasting.models import MODELS, refined
from projections.planning.forecasting.recurrence import ALPHA, GAMMA, squared_errors
from tests.unit.projections.planning.forecasting.series import demand, history

SEASON = 12
REFINED = [name for name, model in MODELS.items() if model.axes]


def _panel(name: str) -> Panel:
    kinds = ("lumpy",) if MODELS[name].flat else ("noise", "trend", "season")
    return Panel(history([demand(kind, seed=seed) for kind in kinds for seed in range(6)]))


def _squares(name: str, panel: Panel, constants: Floats) -> Floats:
    """Of each series (n) with its own constants (n, 4)."""
    model = MODELS[name]
    recurrence = model.maker(panel, constants[:, None], SEASON)
    return squared_errors(recurrence, panel, model.begin(panel, SEASON), [panel.buckets])[0, :, 0]


@pytest.mark.parametrize("name", REFINED)
def test_none_of_the_grid_is_better_than_what_is_found(name: str) -> None:
    model, panel = MODELS[name], _panel(name)
    found = fitted(model, panel, SEASON, model.grid[None], [panel.buckets])[:, 0]
    least = _squares(name, panel, found)
    for constants in model.grid:
        one = np.broadcast_to(constants, (panel.series, 4))
        assert (_squares(name, panel, one) >= least).all()


@pytest.mark.parametrize("name", REFINED)
def test_refining_never_makes_it_worse_and_mostly_better(name: str) -> None:
    model, panel = MODELS[name], _panel(name)
    stops = [panel.buckets]
    coarse = fitted(model, panel, SEASON, model.grid[None], stops)[:, 0]
    fine = fitted(model, panel, SEASON, refined(model, coarse), stops)[:, 0]
    before, after = _squares(name, panel, coarse), _squares(name, panel, fine)
    assert (after <= before).all()
    assert (after < before).any()


@pytest.mark.parametrize("name", REFINED)
def test_refined_constants_are_allowed_and_half_way(name: str) -> None:
    model = MODELS[name]
    tried = refined(model, model.grid)
    assert (tried[:, 0] == model.grid).all()
    assert tried.shape[1] == 3 ** len(model.axes)
    assert ((tried >= 0) & (tried <= 1)).all()
    assert (tried[:, :, GAMMA] <= 1 - tried[:, :, ALPHA] + 1e-12).all() or GAMMA not in model.axes
    unused = [column for column in range(4) if column not in model.axes]
    assert (tried[:, :, unused] == model.grid[:, None, unused]).all()


def test_half_way_to_the_neighbours() -> None:
    tried = refined(MODELS["ses"], np.array([[0.3, 0, 0, 0], [0.05, 0, 0, 0], [1.0, 0, 0, 0]]))
    found = tried[:, :, ALPHA].tolist()
    assert found == pytest.approx(np.array([[0.3, 0.25, 0.35], [0.05, 0.025, 0.075], [1, 0.9, 1]]))


@pytest.mark.parametrize("name", ["winters_additive", "winters_multiplicative"])
def test_a_season_starts_from_what_is_known_of_it(name: str) -> None:
    """With half of each of the first two seasons unknown, the pattern is still found."""
    whole = [10.0 + place % 12 for place in range(60)]
    gaps: list[float | None] = [*whole]
    gaps[1:12:2] = [None] * 6
    gaps[12:24:2] = [None] * 6
    panel = Panel(history([gaps, whole]))
    model = MODELS[name]
    recurrence = model.maker(panel, np.array([[[0.3, 0.1, 0.15, 0.0]]]), 12)
    recurrence.start(24, np.array([[True], [True]]))
    with_gaps, without = recurrence.ahead(24, 12)[:, :, 0].T
    np.testing.assert_allclose(without, whole[24:36], rtol=1e-12)
    np.testing.assert_allclose(with_gaps, whole[24:36], atol=1.0)
