"""How long `stockledger serve` takes until it is ready, embedded, in an empty folder.

python -m benchmarks.startup [--runs 5]
"""

import argparse
import statistics
import time

from benchmarks import serving


def main() -> None:
    """Start it some times and show the median."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    seconds = []
    for _ in range(parser.parse_args().runs):
        started = time.perf_counter()
        with serving.server():
            seconds.append(time.perf_counter() - started)
    print(f"embedded, ready after {statistics.median(seconds):.2f} s (median of {len(seconds)})")


if __name__ == "__main__":
    main()
