"""Makers of histories for the tests."""

from collections.abc import Sequence

import numpy as np

from projections.planning.forecasting.history import Bucket, Floats, History

MONDAY = 18_267  # 2020-01-06


def history(rows: Sequence[Sequence[float | None]] | Floats, bucket: Bucket = "week") -> History:
    """Rows that end together; None is a bucket that is not known. Rows may differ in length."""
    longest = max((len(row) for row in rows), default=0)
    values = np.zeros((len(rows), longest))
    known = np.zeros((len(rows), longest), np.bool_)
    for index, row in enumerate(rows):
        for place, value in enumerate(row, start=longest - len(row)):
            if value is not None:
                values[index, place], known[index, place] = value, True
    first_days = (MONDAY + 7 * np.arange(longest + 1)).astype(np.int32)
    return History(values, known, bucket, first_days)


def demand(kind: str, length: int = 120, seed: int = 1) -> list[float]:
    """A seeded series: noise, trend, season, lumpy."""
    chance = np.random.default_rng(seed)
    time = np.arange(length)
    noise = chance.normal(0, 3, length)
    values = {
        "noise": 50 + noise,
        "trend": 20 + 0.8 * time + noise,
        "season": 60 + 20 * np.sin(time * np.pi / 6) + noise,
        "lumpy": chance.poisson(0.35, length) * chance.integers(1, 9, length),
    }[kind]
    made: list[float] = np.maximum(np.round(values), 0).astype(float).tolist()
    return made
