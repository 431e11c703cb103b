"""Replay one run: python -m tests.simulation --seed N."""

import argparse
import json
import random
import sys

from tests.simulation.scenario import simulate


def main() -> int:
    """Run one seed, or as many new ones as asked for; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="tests.simulation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--operations", type=int, default=300)
    options = parser.parse_args()
    first = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    wrong = 0
    for seed in range(first, first + options.runs):
        result = simulate(seed, options.operations)
        line = {"seed": seed, "counted": result.counted, "void": result.void, **result.heard}
        sys.stdout.write(json.dumps(line) + "\n")
        for problem in result.problems:
            sys.stdout.write(f"  {problem}\n")
        wrong += bool(result.problems)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
