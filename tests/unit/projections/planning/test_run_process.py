"""The process that makes a run."""

import subprocess
import sys

import msgspec

from ledger.domain.codes import SKU_LENGTH_MAX
from projections.planning.parameters import Parameters, Policies, PolicyPart
from projections.planning.run_orders import Order
from projections.planning.run_process import ORDER_BYTES_MAX
from projections.planning.run_retention import Kept
from projections.planning.runs import Lease

# The process with a run that computes, in a thread, for longer than the test waits.
COMPUTING = """
import asyncio, sys, time
from projections.planning import run_process

async def make_run(order):
    print("computing", flush=True)
    await asyncio.to_thread(time.sleep, 600)

run_process.make_run = make_run
sys.exit(asyncio.run(run_process._main()))
"""
ENDS_SECONDS = 60
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


def test_it_ends_in_the_middle_of_computing() -> None:
    """Whoever is stopped waits for it; its numbers are of no use any more."""
    order = Order(
        "sqlite:///v.db", Lease("l", "r", "a"), Parameters(as_of="2026-01-31"), Kept(1, 1)
    )
    with subprocess.Popen(
        [sys.executable, "-c", COMPUTING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(msgspec.json.encode(order) + b"\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"computing\n"
        child.stdin.close()
        try:
            assert child.wait(ENDS_SECONDS) == 1
        finally:
            child.kill()
