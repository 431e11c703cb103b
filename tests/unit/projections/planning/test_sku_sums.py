"""Costs and values of sites, by hand, where sites count in different units."""

import numpy as np

from ledger.domain.items import ITEM_DEFAULT
from projections.planning.days import Days
from projections.planning.run_inputs import COLUMNS
from projections.planning.run_stored import stored
from projections.planning.sku_sums import on_hand_values, sku_sums
from projections.planning.unit_costs import unit_costs

SITES = ("EAST", "WEST")


def two_sites(scales: tuple[int, int], on_hand: tuple[int, int], value: tuple[int, int]) -> Days:
    """One day of a SKU at two sites."""
    columns = {name: np.zeros(2, np.int64) for name in COLUMNS}
    columns |= {"on_hand_net": np.array(on_hand), "value_net": np.array(value)}
    return Days(
        ["CUT", "CUT"], SITES, np.array(scales, np.int8), np.array([0, 1, 2]),
        np.array([5, 5], np.int32), columns,
    )  # fmt: skip


def test_different_scales() -> None:
    """What one site asked for before the item had decimals is counted in the other's units."""
    days = two_sites((2, 0), (50, 1), (7_000_000, 8_000_000))
    sums = sku_sums(days, 0)
    costs = unit_costs(days, [ITEM_DEFAULT] * 2, sums)
    # 1.5 pieces are worth 15; a site that counts whole ones shows two.
    assert costs.unit_cost.tolist() == [10_000_000] * 2
    assert costs.quantity.tolist() == [150, 2]
    assert on_hand_values(days, sums).tolist() == [5_000_000, 10_000_000]


def test_what_leaves_64_bits_on_the_way() -> None:
    """Units of a site that are few by themselves, and too many in those of the other."""
    days = two_sites((6, 0), (0, 2**61), (0, 2**61))
    sums = sku_sums(days, 0)
    assert sums.stock.quantity.tolist() == [2**61 * 10**6]
    assert unit_costs(days, [ITEM_DEFAULT] * 2, sums).unit_cost.tolist() == [1, 1]
    assert on_hand_values(days, sums).tolist() == [0, 2**61]


def test_a_cost_that_64_bits_do_not_hold() -> None:
    """The smallest unit of six decimals is worth twenty million, and so there is no cost."""
    days = two_sites((6, 6), (1, 0), (2 * 10**13, 0))
    costs = unit_costs(days, [ITEM_DEFAULT] * 2, sku_sums(days, 0))
    assert costs.unit_cost.tolist() == [-1, -1]
    assert (costs.source.tolist(), costs.quantity.tolist()) == ([0, 0], [-1, -1])


def test_a_share_that_64_bits_do_not_hold() -> None:
    """Late movements leave one site far below nothing; its row, and no other, has no value."""
    days = two_sites((3, 3), (10**9, 1 - 10**9), (5 * 10**12, 4 * 10**12))
    shares = on_hand_values(days, sku_sums(days, 0))
    assert shares.tolist() == [9 * 10**21, -9 * 10**21 + 9 * 10**12]
    assert stored("value", shares) == [None, None]


def test_nothing_is_worth_anything_where_the_sku_has_no_stock() -> None:
    """As of a day before what was recorded late, the sites may cancel out."""
    days = two_sites((0, 0), (3, -3), (6_000_000, -5_000_000))
    sums = sku_sums(days, 0)
    assert on_hand_values(days, sums).tolist() == [0, 0]
    assert unit_costs(days, [ITEM_DEFAULT] * 2, sums).unit_cost.tolist() == [-1, -1]
    nothing = days.only(np.zeros(0, np.int64))
    assert len(on_hand_values(nothing, sku_sums(nothing, 0))) == 0
