"""The process that makes a run."""

import msgspec

from ledger.domain.codes import SKU_LENGTH_MAX
from projections.planning.parameters import Parameters, Policies, PolicyPart
from projections.planning.run_orders import Order
from projections.planning.run_process import ORDER_BYTES_MAX
from projections.planning.run_retention import Kept
from projections.planning.runs import Lease

# As many as `api.schemas.planning_policies` takes.
SKUS_MAX = 10_000


def test_it_reads_the_longest_order() -> None:
    """A policy for as many SKUs as may be named, whose names are as long as they may be."""
    part = PolicyPart(
        method="cycle_service",
        level="0.999999",
        cover_days="3650.123456",
        buffer_days="3650.123456",
        replenishment="base_stock",
        review_days="3650.123456",
        minimum="9" * 18 + ".123456",
        maximum="9" * 18 + ".123456",
    )
    names = (f"{number:05}".rjust(SKU_LENGTH_MAX, "\U00020000") for number in range(SKUS_MAX))
    parameters = Parameters(as_of="2026-01-31", policies=Policies(skus=dict.fromkeys(names, part)))
    order = Order("sqlite:///views.db", Lease("l", "r", "a"), parameters, Kept(1, 1))
    assert len(msgspec.json.encode(order)) < ORDER_BYTES_MAX
