"""A history turned for walks over time."""

import numpy as np

from projections.planning.forecasting.history import Panel, first_true, sum_over_time
from tests.unit.projections.planning.forecasting.series import history


def test_a_window_ends_where_the_history_ends() -> None:
    panel = Panel(history([[1, None, 3, 4], [5]]))
    values, known = panel.window(panel.first, 3)
    assert values.T.tolist() == [[1, 0, 3], [5, 0, 0]]
    assert known.T.tolist() == [[True, False, True], [True, False, False]]


def test_what_is_not_known_is_zero_whatever_was_given() -> None:
    one = history([[1, 2]])
    one.known[0, 1] = False
    panel = Panel(one)
    assert panel.values[:, 0, 0].tolist() == [1, 0]
    assert panel.demand[:, 0].tolist() == [True, False]


def test_the_first_true_of_each_column() -> None:
    flags = np.array([[False, True, False], [True, True, False]])
    assert first_true(flags).tolist() == [1, 0, 2]
    assert first_true(flags[:0]).tolist() == [0, 0, 0]


def test_sums_go_from_the_first_to_the_last() -> None:
    """1e16 + 1 - 1e16 is 0 in this order, and 1 in another."""
    values = np.array([[1e16], [1.0], [-1e16], [1.0]])
    assert sum_over_time(values).tolist() == [1.0]
