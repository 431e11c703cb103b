"""All benchmarks, one after the other; each prints ours, the raw limit and the ratio.

python -m benchmarks [NAME …]      names as listed by --help
"""

import argparse
import subprocess
import sys
import time

RUNS: dict[str, list[str]] = {
    "startup": ["benchmarks.startup"],
    "bulk": ["benchmarks.bulk_http"],
    "bulk-embedded": ["benchmarks.bulk_http", "--log", "sqlite"],
    "single": ["benchmarks.single_http"],
    "log": ["benchmarks.log_append"],
    "rebuild": ["benchmarks.rebuild"],
    "replay": ["benchmarks.replay"],
    "export": ["benchmarks.export"],
    "history": ["benchmarks.history"],
    "history-http": ["benchmarks.history", "--http"],
    "memory": ["benchmarks.memory"],
    "instances": ["benchmarks.instances"],
    "planning-read": ["benchmarks.planning_read"],
    "as-of": ["benchmarks.as_of"],
    "planning": ["benchmarks.planning"],
    "forecasts": ["benchmarks.forecasts"],
    "forecast-accuracy": ["benchmarks.forecast_accuracy"],
}


def main() -> int:
    """Run the named benchmarks, or all; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    names = parser.parse_args().names or list(RUNS)
    unknown = sorted(set(names) - RUNS.keys())
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    failed = 0
    for name in names:
        started = time.perf_counter()
        print(f"== {name}", flush=True)
        code = subprocess.run([sys.executable, "-m", *RUNS[name]], check=False).returncode
        failed += code != 0
        print(f"   ({time.perf_counter() - started:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
