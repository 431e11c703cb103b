"""Tamper with a ledger of 10,000 movements, and count how often verify finds it, and where.

    python -m tests.tampering [--mutations 1000] [--movements 10000] [--seed 1]

Bytes changed, records removed, swapped and inserted, each against a seal of the whole log.
"""

import argparse
import asyncio
import sys
import time

from tests.tampering.run import Result, run
from tests.tampering.seals import sealed
from tests.tampering.world import MOVEMENTS, World


def main() -> int:
    """Run it; 1 if anything was not found, or not where it was."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=1_000)
    parser.add_argument("--movements", type=int, default=MOVEMENTS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    world = World().go_on(options.movements)
    started = time.process_time()
    result = asyncio.run(run(world, sealed(world.log), options.mutations, options.seed))
    seconds = time.process_time() - started
    report(result, options.mutations, seconds)
    return 1 if result.missed else 0


def report(result: Result, mutations: int, seconds: float) -> None:
    """What came of it, for people."""
    lines = [f"{mutations:,} mutations, {seconds:.1f} s of CPU"]
    for kind, count in sorted(result.found.items()):
        exact, near, ranges = (one[kind] for one in (result.exact, result.near, result.ranges))
        lines.append(
            f"{kind:<10}{count:>5} found: {exact} at their very offset, {near} at the one beside"
            f" it, {ranges} by the seal in a range"
        )
    lines.append(", ".join(f"{code} {count}" for code, count in result.codes.most_common()))
    lines += [
        f"MISSED {number}: {mutation.kind} at {mutation.offset}: {found.findings.kept[:3]}"
        for number, mutation, found in result.missed
    ]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    sys.exit(main())
