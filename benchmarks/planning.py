"""Classes, safety stock and reorder points of a million SKUs, beside a plain loop over them.

    python -m benchmarks.planning [--skus 1000000] [--loop-skus 5000] [--runs 3]

The demand of a year (see `planning_data.py`) is made by another process and read from files, so
that neither is in the figures. Then all is computed on one core: stock-outs, ABC, XYZ, patterns,
velocity, the policy of each SKU, demand over the lead time, order quantities, safety stock and
reorder points; once with the normal distribution for all SKUs, once with the bootstrap where demand
is intermittent or lumpy, as it is by default. The loops (see `planning_loop.py`) do the same with
the normal distribution, SKU by SKU, on fewer SKUs; their time for all is extrapolated, which
favours them, since they sort fewer. All are checked to agree. Times are CPU seconds, the least of
the runs.
"""

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import planning_loop
from benchmarks.planning_data import generate
from projections.planning import abc, patterns, velocity, xyz
from projections.planning.bucket_rows import DailyDemand
from projections.planning.days import Days, Integers
from projections.planning.demand_statistics import statistics
from projections.planning.lead_times import NO_SUPPLIER, Observed, choose
from projections.planning.levels import Levels, Supplied, plan_levels
from projections.planning.matrix import Classified, PolicyMatrix, assign
from projections.planning.order_quantities import Terms
from projections.planning.stock_outs import StockOuts, stock_outs

YEAR = 365
PART_SKUS = 1 << 15
COLUMNS = ("issued", "issue_lines", "issued_value", "unmet", "available_net")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for by row and by SKU, and when there was nothing to sell."""

    quantity: Integers
    first_day: Integers
    value: Integers
    lines: Integers
    last_demand_day: Integers
    out: StockOuts


def make(skus: int, folder: Path) -> None:
    """Write the columns of a year of demand."""
    days = generate(skus, YEAR, columns=COLUMNS)
    np.save(folder / "starts.npy", days.starts)
    np.save(folder / "day.npy", days.day)
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", days.columns[name])


def read(folder: Path) -> Days:
    """The columns again."""
    starts = np.load(folder / "starts.npy")
    skus = [f"SKU-{number:07d}" for number in range(len(starts) - 1)]
    columns = {name: np.load(folder / f"{name}.npy") for name in COLUMNS}
    scales = np.zeros(len(skus), dtype=np.int8)
    return Days(skus, ["MAIN"] * len(skus), scales, starts, np.load(folder / "day.npy"), columns)


def part_of(days: Days, first: int, last: int) -> Days:
    """Some neighbouring SKUs; their rows are looked at, not copied."""
    rows = slice(int(days.starts[first]), int(days.starts[last]))
    return replace(
        days,
        skus=days.skus[first:last],
        sites=days.sites[first:last],
        scales=days.scales[first:last],
        starts=days.starts[first : last + 1] - rows.start,
        day=days.day[rows],
        columns={name: column[rows] for name, column in days.columns.items()},
    )


def asked_for(days: Days, last_day: int) -> Asked:
    """The demand of a year.

    Part by part, so that what is needed in between is small and stays in the processor's cache.
    """
    parts = [
        _asked_for(part_of(days, first, min(first + PART_SKUS, len(days))), last_day)
        for first in range(0, len(days), PART_SKUS)
    ]
    spells = [part.out for part in parts]
    ends = np.cumsum([0, *(len(one.first_day) for one in spells)])
    starts = [one.series_starts[:-1] + at for one, at in zip(spells, ends[:-1], strict=True)]
    out = StockOuts(
        np.concatenate([*starts, ends[-1:]]),
        np.concatenate([one.first_day for one in spells]),
        np.concatenate([one.until_day for one in spells]),
    )

    def whole(name: str) -> Integers:
        return np.concatenate([getattr(part, name) for part in parts])

    names = ("quantity", "first_day", "value", "lines", "last_demand_day")
    return Asked(**{name: whole(name) for name in names}, out=out)


def _asked_for(days: Days, last_day: int) -> Asked:
    quantity = days.columns["issued"] + days.columns["unmet"]
    first_day = last_day - YEAR + 1
    begins, asked = days.starts[:-1], np.where(quantity > 0, days.day, velocity.NEVER)
    return Asked(
        quantity=quantity,
        first_day=np.maximum(days.day[begins], first_day).astype(np.int64),
        value=days.sums("issued_value"),
        lines=days.sums("issue_lines"),
        last_demand_day=np.maximum.reduceat(asked, begins).astype(np.int64),
        out=stock_outs(days, first_day, last_day + 1),
    )


def supplied(days: Days) -> Supplied:
    """No supplier is observed: the default lead time, and no cost."""
    count, none = len(days), np.zeros(0, dtype=np.int64)
    return Supplied(
        names=days.skus,
        scales=days.scales,
        unit_cost=np.full(count, round(planning_loop.UNIT_COST * 10**6)),
        terms=Terms(np.ones(count, dtype=np.int64), np.zeros(count, dtype=np.int64)),
        lead_times=choose(
            Observed(none, none, none), np.full(count, NO_SUPPLIER), np.full(count, np.nan)
        ),
    )


def plan(days: Days, last_day: int, matrix: PolicyMatrix) -> tuple[Classified, Levels]:
    """All of it, on arrays."""
    asked = asked_for(days, last_day)
    demand = DailyDemand(
        starts=days.starts,
        day=days.day,
        quantity=asked.quantity,
        first_day=asked.first_day,
        last_day=last_day,
        out_starts=asked.out.series_starts,
        out_first=asked.out.first_day,
        out_until=asked.out.until_day,
    )
    weekly = statistics(demand, "week")
    speed = velocity.classify(
        lines=asked.lines,
        last_demand_day=asked.last_demand_day,
        first_day=asked.first_day,
        last_day=last_day,
    )
    classified = Classified(
        abc=abc.classify(asked.value).classes,
        xyz=xyz.classify(weekly).classes,
        pattern=patterns.classify(weekly),
        dead=speed.velocity == velocity.DEAD,
    )
    return classified, plan_levels(demand, supplied(days), assign(classified, matrix))


def cpu_seconds(work: Callable[[], object], runs: int) -> float:
    """The least CPU time of so many runs."""
    least = math.inf
    for _ in range(runs):
        started = time.process_time()
        work()
        least = min(least, time.process_time() - started)
    return least


def peak_mb() -> float:
    """The most that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def columns_of(classified: Classified, levels: Levels) -> list[tuple[int, ...]]:
    """What the loop finds too."""
    columns = (
        classified.abc,
        classified.xyz,
        classified.pattern,
        levels.orders.quantity,
        levels.safety.reorder_point,
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


def check(days: Days, last_day: int) -> int:
    """How many SKUs the loops and the arrays agree on in everything; nearly all, or it fails."""
    ours = columns_of(*plan(days, last_day, PolicyMatrix(empirical=False)))
    agreeing = len(days)
    for moments in (planning_loop.plainly, planning_loop.carefully):
        theirs = planning_loop.plan(days, last_day, moments)
        agreeing = min(agreeing, sum(map(tuple.__eq__, ours, theirs)))
    if agreeing < 0.999 * len(days):
        raise RuntimeError(f"the loops agree on {agreeing} of {len(days)} SKUs only")
    return agreeing


def measure(days: Days, loop_skus: int, runs: int) -> None:
    """Measure all, and print it."""
    last_day = int(days.day.max())
    print(f"{len(days):,} SKUs, {len(days.day):,} rows, {peak_mb():,.0f} MB once read", flush=True)
    some = part_of(days, 0, loop_skus)
    agreeing = check(some, last_day)

    def of_arrays(matrix: PolicyMatrix) -> float:
        return cpu_seconds(lambda: plan(days, last_day, matrix), runs)

    def of_loop(moments: Callable[[planning_loop.Known, int], planning_loop.Moments]) -> float:
        seconds = cpu_seconds(lambda: planning_loop.plan(some, last_day, moments), runs)
        return seconds * len(days) / loop_skus

    ours, with_bootstrap = of_arrays(PolicyMatrix(empirical=False)), of_arrays(PolicyMatrix())
    peak = peak_mb()
    plainly, carefully = of_loop(planning_loop.plainly), of_loop(planning_loop.carefully)
    print(
        f"ours: {ours:.1f} CPU s; {with_bootstrap:.1f} CPU s with the bootstrap of rare demand, "
        f"as by default; at most {peak:,.0f} MB with the input\n"
        f"loop without the bootstrap, from {loop_skus:,} SKUs, of which {agreeing:,} agree: "
        f"{plainly:,.0f} CPU s written plainly, {carefully:,.0f} with care\n"
        f"ratio: {plainly / ours:.0f} to the plain loop, {carefully / ours:.0f} to the careful one"
    )


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--skus", type=int, default=1_000_000)
    parser.add_argument("--loop-skus", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(options.skus, options.make)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.planning", "--make", folder]
        subprocess.run([*command, "--skus", str(options.skus)], check=True)
        measure(read(Path(folder)), min(options.loop_skus, options.skus), options.runs)


if __name__ == "__main__":
    main()
