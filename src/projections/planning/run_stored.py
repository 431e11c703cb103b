"""Computed columns as the tables hold them: the one rounding is done before, none is left."""

from typing import Any

import numpy as np

from projections.planning.numbers import INT64_MAX
from projections.planning.run_columns import Kind
from projections.planning.run_fields import MICRO, MICRO_DECIMALS


def stored(kind: Kind, values: Any) -> list[Any]:
    """The values of a column as the tables hold them: Python integers, texts and None.

    A list is stored already. Of arrays, statistics and numbers are float64 with no more than six
    decimals; NaN becomes None. So does what 64 bits cannot hold: one quantity that was typed wrong
    must not end the run of all others.
    """
    if isinstance(values, list):
        return values if kind == "text" else [_held(value) for value in values]
    if kind == "statistic":
        return [statistic(value) for value in np.asarray(values).tolist()]
    if kind == "number":
        return _micro(np.asarray(values, dtype=np.float64))
    found: list[Any] = values.tolist()
    # Integers that 64 bits hold are in arrays of these; others in such of objects.
    return [_held(value) for value in found] if values.dtype == object else found


def _held(value: int | None) -> int | None:
    return None if value is None or abs(value) > INT64_MAX else value


def _micro(values: Any) -> list[int | None]:
    missing = np.isnan(values) | (np.abs(values) * MICRO >= float(INT64_MAX))
    scaled = np.rint(np.where(missing, 0.0, values) * MICRO).astype(np.int64).tolist()
    if not missing.any():
        return scaled  # type: ignore[no-any-return]
    return [None if none else one for one, none in zip(scaled, missing.tolist(), strict=True)]


def statistic(value: float | int) -> str | None:
    """A number with up to six decimals in the shortest form; None for NaN."""
    if isinstance(value, int):
        return str(value)
    if value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return None
    text = f"{value:.{MICRO_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
