"""Classes of a run: ABC, XYZ and the pattern of demand, for all of its series."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ledger.domain.items import Item
from projections.planning import abc, patterns, velocity, xyz
from projections.planning.criteria import NO_PRICE, Margin, margin_of, prices_of, units
from projections.planning.days import Days, Integers
from projections.planning.demand_statistics import DemandStatistics, statistics
from projections.planning.numbers import Codes, Exact
from projections.planning.parameters import Parameters
from projections.planning.run_demand import (
    KnownDemand,
    WindowDemand,
    first_rows,
    known_demand,
    window_demand,
)


@dataclass(frozen=True, slots=True)
class Classes:
    """What is known about the demand of each series. `margin` is there if ABC is by margin."""

    window: WindowDemand
    known: KnownDemand
    statistics: DemandStatistics
    margin: Margin | None
    abc: abc.Abc
    abc_before: Codes | None
    xyz: xyz.Xyz
    pattern: Codes
    velocity: velocity.Velocity


def classes_of(
    days: Days,
    items: Mapping[str, Item],
    parameters: Parameters,
    ranked: abc.Abc | None = None,
) -> Classes:
    """Classify every series by its demand in the window.

    `ranked` is its ABC where that is known already: alone among these series it would be another.
    Raises PlanningError.
    """
    prices = prices_of(days, items) if parameters.abc.basis == "margin" else None
    last_day = parameters.as_of_day
    window = window_demand(days, parameters.demand, last_day)
    known = known_demand(days, parameters.demand, last_day)
    of_buckets = statistics(known.daily, parameters.demand.bucket)
    margin = None if prices is None else margin_of(days, window, prices)
    before_abc, before_xyz = _before(days, parameters, prices)
    pattern_options = patterns.PatternOptions(
        interval=parameters.pattern.interval, size_cv_squared=parameters.pattern.size_cv_squared
    )
    limits = parameters.velocity
    velocity_options = velocity.VelocityOptions(
        fast_lines=limits.fast_lines,
        slow_lines=limits.slow_lines,
        dead_days=limits.dead_days,
        new_days=limits.new_days,
        window_days=parameters.demand.window_days,
    )
    return Classes(
        window=window,
        known=known,
        statistics=of_buckets,
        margin=margin,
        abc=_abc(days, criterion(days, window, parameters, margin), parameters, before_abc)
        if ranked is None
        else ranked,
        abc_before=before_abc,
        xyz=xyz.classify(of_buckets, _xyz_options(parameters), before_xyz),
        pattern=patterns.classify(of_buckets, pattern_options),
        velocity=velocity.classify(
            window.lines,
            known.last_demand_day,
            first_rows(days, last_day),
            last_day,
            velocity_options,
        ),
    )


def _before(
    days: Days, parameters: Parameters, prices: Integers | None
) -> tuple[Codes | None, Codes | None]:
    """The classes of the review before, which came from the one before that, and so on.

    They come from the demand and today's prices, so that a run needs no other run to be repeated.
    A series that began later has no class to keep, nor has a variation of fewer than two buckets.
    """
    kept_abc, kept_xyz = parameters.abc.hysteresis != "0", parameters.xyz.hysteresis != "0"
    previous_abc: Codes | None = None
    previous_xyz: Codes | None = None
    if not (kept_abc or kept_xyz):
        return None, None
    reviews = parameters.reviews
    for ago in range(reviews.count, 0, -1):
        last_day = parameters.as_of_day - ago * reviews.days
        if kept_abc:
            window = window_demand(days, parameters.demand, last_day)
            margin = None if prices is None else margin_of(days, window, prices)
            values = criterion(days, window, parameters, margin)
            found = _abc(days, values, parameters, previous_abc).classes
            previous_abc = np.where(first_rows(days, last_day) > last_day, abc.NEW, found)
        if kept_xyz:
            known = known_demand(days, parameters.demand, last_day)
            of_buckets = statistics(known.daily, parameters.demand.bucket)
            judged = xyz.classify(of_buckets, _xyz_options(parameters), previous_xyz)
            unknown = judged.reasons == xyz.TOO_FEW_BUCKETS
            previous_xyz = np.where(unknown, xyz.NEW, judged.classes)
    return previous_abc, previous_xyz


def _xyz_options(parameters: Parameters) -> xyz.XyzOptions:
    return xyz.XyzOptions(limits=parameters.xyz.limits, hysteresis=parameters.xyz.hysteresis)


def criterion(
    days: Days, window: WindowDemand, parameters: Parameters, margin: Margin | None
) -> Exact:
    """What ABC adds up, as integers that may be compared over all series."""
    basis = parameters.abc.basis
    if margin is not None:
        return margin.margin
    if basis == "value":
        return window.issued_value
    if basis == "picks":
        return window.lines
    return units(window.demand, days.scales)


def _abc(days: Days, values: Exact, parameters: Parameters, previous: Codes | None) -> abc.Abc:
    """Classes of each site for itself: a site's series compete with each other only."""
    options = abc.AbcOptions(shares=parameters.abc.shares, hysteresis=parameters.abc.hysteresis)
    groups = _by_site(days)
    if len(groups) <= 1:
        return abc.classify(values, options, previous)
    parts = [
        abc.classify(values[group], options, None if previous is None else previous[group])
        for group in groups
    ]
    return _joined(parts, groups, len(days))


def _by_site(days: Days) -> list[Integers]:
    """The numbers of the series of each site, sorted once however many sites there are."""
    numbers: dict[str, int] = {}
    site = np.array([numbers.setdefault(one, len(numbers)) for one in days.sites], np.int64)
    order = np.argsort(site, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(site[order])) + 1)


def _joined(parts: list[abc.Abc], groups: list[Any], series: int) -> abc.Abc:
    arrays: dict[str, Any] = {}
    for field in fields(abc.Abc):
        if field.name == "total":
            continue
        of_parts = [getattr(part, field.name) for part in parts]
        whole = np.empty(series, dtype=np.result_type(*of_parts))
        for group, values in zip(groups, of_parts, strict=True):
            whole[group] = values
        arrays[field.name] = whole
    return abc.Abc(**arrays, total=sum(part.total for part in parts))


def words(codes: Codes | Integers, names: str | tuple[str, ...]) -> list[str]:
    """Codes as the words they stand for."""
    table = np.array(list(names), dtype=object)
    return list(table[codes].tolist())


def _known(days: Integers) -> list[int | None]:
    return [None if one < 0 else one for one in days.tolist()]


def _before_words(classes: Classes) -> list[str | None]:
    if classes.abc_before is None:
        return [None] * len(classes.pattern)
    return [None if one == abc.NEW else abc.CLASSES[one] for one in classes.abc_before.tolist()]


def _margin_columns(classes: Classes) -> dict[str, list[int | None]]:
    """What ABC by margin comes from; null by another basis, and what there is not of a series."""
    found = classes.margin
    if found is None:
        missing: list[int | None] = [None] * len(classes.pattern)
        return {"issued": missing, "price": missing, "margin": missing}
    prices = found.price.tolist()
    return {
        "issued": found.issued.tolist(),
        "price": [None if one == NO_PRICE else one for one in prices],
        "margin": [
            None if none else one
            for one, none in zip(
                found.margin.tolist(),
                ((found.price == NO_PRICE) | found.beyond).tolist(),
                strict=True,
            )
        ],
    }


def columns_of(classes: Classes) -> dict[str, Any]:
    """The columns of the results that this is."""
    found, of_buckets = classes.abc, classes.statistics
    return {
        **_margin_columns(classes),
        "abc": words(found.classes, abc.CLASSES),
        "abc_unkept": words(found.raw_classes, abc.CLASSES),
        "abc_before": _before_words(classes),
        "xyz": words(classes.xyz.classes, xyz.CLASSES),
        "xyz_reason": words(classes.xyz.reasons, xyz.REASONS),
        "pattern": words(classes.pattern, patterns.PATTERNS),
        "velocity": words(classes.velocity.velocity, velocity.VELOCITIES),
        "lines_per_month": classes.velocity.lines_per_month,
        "days_since_demand": _known(classes.velocity.days_since_demand),
        "rank": found.rank,
        "share_percent": found.share,
        "cumulative_share_percent": found.cumulative_share,
        "demand": classes.window.demand,
        "issued_value": classes.window.issued_value,
        "lines": classes.window.lines,
        "selling_days": classes.known.selling_days,
        "stock_out_days": classes.known.stock_out_days,
        "buckets": of_buckets.buckets,
        "demand_buckets": of_buckets.demand_buckets,
        "mean": of_buckets.mean,
        "deviation": of_buckets.deviation,
        "cv": of_buckets.cv,
        "interval": of_buckets.interval,
        "size_cv_squared": of_buckets.size_cv_squared,
    }
