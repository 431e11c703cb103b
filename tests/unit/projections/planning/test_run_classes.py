"""Classes of a run: of their own demand, their own past and their own site."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from api.schemas.planning import check_run, resolve
from projections.planning.days import Days
from projections.planning.parameters import Parameters, day_number
from projections.planning.run_classes import Classes, classes_of, columns_of

TODAY = day_number("2026-01-31")
# SKU: what was sold, by days before today.
Sold = dict[str, dict[int, int]]


def days_of(sold: Sold) -> Days:
    """Each SKU at one site, received at 1 apiece on the day before its first sale."""
    rows = [
        row
        for sales in sold.values()
        for row in (
            (max(sales) + 1, 0, 10**6),
            *((ago, sales[ago], 0) for ago in sorted(sales, reverse=True)),
        )
    ]
    ago, issued, received = np.array(rows, np.int64).T
    nothing = np.zeros(len(rows), np.int64)
    return Days(
        list(sold),
        [""] * len(sold),
        np.zeros(len(sold), np.int8),
        np.cumsum([0, *(len(sales) + 1 for sales in sold.values())]).astype(np.int64),
        (TODAY - ago).astype(np.int32),
        {
            "issued": issued, "issued_value": issued, "issue_lines": (issued > 0).astype(np.int64),
            "unmet": nothing, "unmet_lines": nothing, "available_net": received - issued,
        },
    )  # fmt: skip


def parameters(**request: Any) -> Parameters:
    """Those of a run as of today."""
    return resolve(check_run({"as_of": "2026-01-31", **request}), today=TODAY, positions=None)


def classes(sold: Sold, **request: Any) -> dict[str, list[Any]]:
    """The columns of the results."""
    found: Classes = classes_of(days_of(sold), {}, parameters(**request))
    return columns_of(found)


def test_hysteresis_keeps_no_class_that_a_sku_never_had() -> None:
    """A SKU of ten days had none at any review; one that is older keeps its own."""
    sold = {"NEW": {9: 15}, "OLD": {199: 78}, "REST": {199: 7}}
    found = classes(sold, abc={"hysteresis": 4})
    assert found["abc_unkept"] == ["A", "A", "B"]
    assert found["abc"] == ["A", "A", "B"]
    assert found["abc_before"] == [None, "A", "B"]


def test_the_review_of_the_first_day_counts() -> None:
    """A SKU that began on the last day of a review was classified by it, one day later not."""
    sold = {"BEGAN": {29: 15}, "LATER": {28: 1}, "OLD": {199: 84}}
    found = classes(sold, abc={"hysteresis": 4})
    assert found["abc_before"] == ["C", None, "A"]


def test_a_variation_that_nobody_could_measure_is_no_class_to_keep() -> None:
    """Z for too few buckets says that a SKU is young, and not that it was erratic."""
    young = {3: 55, 10: 145, 17: 55, 24: 145, 33: 100}
    steady = {3 + 7 * week: (55, 145)[week % 2] for week in range(50)}
    varying = {"limits": ["0.55", "1"], "hysteresis": "0.15"}
    found = classes({"OLD": steady, "YOUNG": young}, xyz=varying)
    assert found["cv"][1] == 0.45
    assert found["xyz"] == ["X", "X"]


class CountingSite(str):
    """A site that counts how often it is compared with another."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        """As any text."""
        CountingSite.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_each_site_competes_with_itself_alone() -> None:
    """Whatever order the sites come in."""
    of_site = {"EAST": (90, 6, 4), "WEST": (50, 35, 15)}
    sold = {f"S{place}{site}": {9: of_site[site][place]} for place in range(3) for site in of_site}
    days = replace(days_of(sold), sites=["EAST", "WEST"] * 3)
    found = columns_of(classes_of(days, {}, parameters()))
    for index, site in enumerate(of_site):
        alone = columns_of(classes_of(days.only(np.arange(index, 6, 2)), {}, parameters()))
        for name in ("abc", "rank", "share_percent", "cumulative_share_percent"):
            assert list(found[name][index::2]) == list(alone[name]), (site, name)


def test_many_sites_are_not_compared_with_each_other() -> None:
    """Ten thousand of them would take a hundred million comparisons."""
    count = 300
    days = days_of({f"S{number:03}": {9: 1} for number in range(count)})
    days = replace(days, sites=[CountingSite(f"SITE-{number}") for number in range(count)])
    CountingSite.compared = 0
    assert set(columns_of(classes_of(days, {}, parameters()))["abc"]) == {"A"}
    assert CountingSite.compared < 10 * count


@pytest.mark.parametrize("window_days", [14, 90, 365])
def test_velocity_knows_how_long_an_item_is_there(window_days: int) -> None:
    """However short the window: a year without a sale is dead, and a month is not new."""
    sold = {"NEVER": {363: 0}, "OFTEN": dict.fromkeys(range(363), 1), "YOUNG": {8: 0}}
    found = classes(sold, demand={"window_days": window_days})
    assert found["velocity"] == ["dead", "fast", "new"]
    assert found["lines_per_month"][1] in {30, 29.917582}
