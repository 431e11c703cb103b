"""Replay one run, python -m tests.simulation --seed N, or make many new ones (--runs)."""

import argparse
import random
import sys
import time
from dataclasses import asdict

import msgspec

from tests.simulation.scenario import OPERATIONS, Result, simulate
from tests.simulation.weather import storm_of, weather_of

# After so many runs it is said how far it is.
PROGRESS_RUNS = 25


def main() -> int:
    """Run one seed, or as many as asked for from one on; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="tests.simulation")
    parser.add_argument("--seed", type=int, help="the first seed; by default any")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--operations", type=int, default=OPERATIONS)
    parser.add_argument("--storm", action="store_true", help="lost answers all the time")
    options = parser.parse_args()
    first = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    wrong = 0
    begun = time.process_time()
    for seed in range(first, first + options.runs):
        result = simulate(seed, options.operations, storm=options.storm)
        wrong += bool(result.problems)
        if result.problems or options.runs == 1:
            _tell(result, storm=options.storm)
        done = seed + 1 - first
        if done % PROGRESS_RUNS == 0 and done < options.runs:
            sys.stderr.write(f"{done} of {options.runs} seeds, {wrong} not clean\n")
    rate = options.runs / (time.process_time() - begun)
    sys.stdout.write(
        f"seeds {first} to {first + options.runs - 1} of {options.operations} operations: "
        f"{options.runs - wrong} clean, {wrong} not; {rate:.2f} seeds per second of CPU\n"
    )
    return 1 if wrong else 0


def _tell(result: Result, *, storm: bool) -> None:
    weather = asdict((storm_of if storm else weather_of)(random.Random(result.seed)))
    for what in (asdict(result) | {"problems": len(result.problems)}, weather):
        sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    for problem in result.problems:
        sys.stdout.write(f"  {problem}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
