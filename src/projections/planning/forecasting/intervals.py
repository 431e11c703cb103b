"""How far off a forecast may be: quantiles of its own past errors, wider the further ahead.

The errors are those of one bucket ahead, made with the constants chosen, each from the buckets
before it. A bound at horizon h is forecast + sqrt(growth(h)) * quantile of the errors: their
distribution gives the shape, the model's variance (Hyndman, Koehler, Ord & Snyder 2008, table 6.1)
the growth. For the multiplicative season errors are shares of the forecast, and the growth is that
of the additive one, which is an approximation (same source, 6.3). Croston, SBA and TSB have no
variance of their own (Shenstone & Hyndman 2005); theirs does not grow.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from projections.planning.forecasting.history import Floats, Integers
from projections.planning.forecasting.recurrence import ALPHA, BETA, GAMMA, PHI

Z_DECIMALS = 6  # so that no processor's logarithm shows


def growth(constants: Floats, horizon: int, season: int) -> Floats:
    """Variance (h, n) of the error h buckets ahead, as a multiple of that of one bucket ahead.

    1 + the sum over j < h of c(j) squared, where c(j) = alpha + alpha * beta * (phi + phi^2 + … +
    phi^j) + gamma, the last only where j is a multiple of the season (n series, constants (n, 4)).
    """
    alpha, beta, gamma, phi = (constants[:, c] for c in (ALPHA, BETA, GAMMA, PHI))
    variance = np.ones((horizon, len(constants)))
    power, damped = phi, phi
    for j in range(1, horizon):
        weight = alpha + alpha * beta * damped + (gamma if j % season == 0 else 0.0)
        variance[j] = variance[j - 1] + weight * weight
        power = power * phi
        damped = damped + power
    return variance


def error_quantiles(
    errors: Floats, counted: Integers, quantiles: Sequence[float], squares: Floats
) -> Floats:
    """Quantiles (Q, n) of errors (n, T), of which all but `counted` (n) are infinite.

    The k-th smallest of N, k = (N + 1) * q rounded outwards, which covers a new error of the same
    kind with at least that probability (Vovk, Gammerman & Shafer 2005). Where there are too few for
    that, the normal quantile of `squares`, the sum of squared errors, is taken, but no less far out
    than the outermost error.
    """
    ordered = np.sort(errors, axis=1)
    sigma = np.sqrt(squares / np.maximum(counted, 1))
    bounds = np.zeros((len(quantiles), len(errors)))
    most = errors.shape[1] - 1
    for bound, q in zip(bounds, quantiles, strict=True):
        exact = np.rint((counted + 1) * q * 1e9) / 1e9
        rank = np.ceil(exact) if q > 0.5 else np.floor(exact)  # noqa: PLR2004
        reached = (rank >= 1) & (rank <= counted)
        place = np.clip(rank, 1, np.maximum(counted, 1)).astype(np.int64) - 1
        empirical = np.take_along_axis(ordered, np.minimum(place, most)[:, None], axis=1)[:, 0]
        empirical = np.where(counted > 0, empirical, 0.0)
        normal = round(NormalDist().inv_cdf(q), Z_DECIMALS) * sigma
        further = np.maximum(empirical, normal) if q > 0.5 else np.minimum(empirical, normal)  # noqa: PLR2004
        bound[...] = np.where(reached, empirical, further)
    return bounds
