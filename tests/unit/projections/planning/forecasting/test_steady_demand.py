"""Where all is the same every model has to say that, each by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.planning.forecasting.backtest import Own, Plan
from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.history import Panel
from projections.planning.forecasting.models import FITTED_MIN, MODELS, WhyNot
from projections.planning.forecasting.options import OURS, Options
from tests.unit.projections.planning.forecasting.series import history


# SBA forecasts less than a constant, by its correction.
@pytest.mark.parametrize("name", [name for name in OURS if name != "sba"])
@settings(max_examples=8, deadline=None)
@given(value=st.integers(1, 10**6), length=st.integers(30, 60))
def test_a_constant_is_forecast_by_every_model(name: str, value: int, length: int) -> None:
    """By itself and at every stop: a choice would put the naive forecast in its place."""
    panel = Panel(history([[float(value)] * length]))
    options = Options(horizon=3, season=4)
    origins = tuple(options.origins_of(length))
    plan = Plan(options.horizon, 4, origins, options.quantiles(), clip_at_zero=True)
    model = Own(MODELS[name])
    first_origin = np.array(origins[:1])
    assert model.why_not(panel, 4, first_origin)[0] in (WhyNot.TRIED, WhyNot.NEVER_EMPTY)
    assert MODELS[name].begin(panel, 4)[0] + FITTED_MIN <= first_origin[0]
    tested, constants = model.backtest(panel, plan)
    for outlook in (
        tested,
        model.final(panel, plan, None)[0],
        model.final(panel, plan, constants)[0],
    ):
        np.testing.assert_allclose(outlook.forecasts, value, rtol=1e-9)
        np.testing.assert_allclose(outlook.bounds, value, rtol=1e-9)
        assert (outlook.counted > 0).all()


def test_what_is_tried_on_a_constant_is_never_off_and_has_no_scale() -> None:
    options = Options(horizon=3, season=4, models=OURS[:7])
    scores = choose(history([[7.0] * 40]), options).scores
    assert (scores.why_not[0, :7] == WhyNot.TRIED).all()
    np.testing.assert_allclose([scores.mase[0], scores.rmsse[0], scores.bias[0]], 0, atol=1e-6)
    assert scores.scaled.tolist() == [False]
