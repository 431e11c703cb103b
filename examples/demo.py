"""Serve embedded, load a few days of real trade, show what the ledger knows. Run it as `make demo`.

Takes a free port and a folder of its own, which is removed at the end; `--keep` leaves it.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RETAIL = ROOT / "examples" / "retail"
sys.path.insert(0, str(ROOT))

from examples.retail import opening  # noqa: E402 - needs the path above

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30
SKUS_SHOWN = 10


def main() -> int:
    """Run the whole demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the data folder")
    keep: bool = parser.parse_args().keep
    folder = Path(tempfile.mkdtemp(prefix="stockledger-demo-"))
    server = _serve(folder)
    try:
        url = _wait_until_ready(server)
        return _show(url, folder)
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(STOP_SECONDS_MAX)
        print(f"server stopped, exit code {code}")
        if keep:
            print(f"data left in {folder}; go on with: stockledger serve --data-dir {folder}/data")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _show(url: str, folder: Path) -> int:
    sample, mapping = RETAIL / "sample.csv.gz", RETAIL / "mapping.toml"
    needed, moved, costs = opening.needed(sample, mapping)
    made = folder / "opening.csv"
    opening.write(made, needed, costs)
    print("\n1. Opening stock, made by this example: the real file has no receipts")
    _load(url, folder, made, RETAIL / "opening.toml")
    print("\n2. Five days of a real retailer (UCI Online Retail, CC BY 4.0)")
    summary = _load(url, folder, sample, mapping)
    print(f"\n3. On hand, the {SKUS_SHOWN} most-moved SKUs")
    print(f"   {'sku':<10}{'moved':>8}{'opening':>10}{'on hand':>10}")
    for sku, quantity in moved.most_common(SKUS_SHOWN):
        on_hand = _get(f"{url}/v1/stock/{urllib.parse.quote(sku)}", summary["positions"])["on_hand"]
        print(f"   {sku:<10}{quantity:>8}{needed[sku]:>10}{on_hand:>10}")
    print(f"\n{summary['movements_per_second']:,} movements/s, each durable before its answer\n")
    return 1 if summary["refused"] else 0


def _serve(folder: Path) -> "subprocess.Popen[str]":
    # Without the settings of the shell, so that a demonstration never writes to a real ledger.
    environment = {name: value for name, value in os.environ.items() if "STOCKLEDGER" not in name}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "ops"),
            *("serve", "--port", "0", "--data-dir", str(folder / "data")),
            *("--log-level", "warning", "--backdate-limit-days", "36500"),
        ],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def _wait_until_ready(server: "subprocess.Popen[str]") -> str:
    started_at = time.monotonic()
    assert server.stdout is not None
    line = server.stdout.readline().strip()
    if not line.startswith("ready "):
        raise SystemExit("the server did not start; what it said is above")
    print(f"{line} after {time.monotonic() - started_at:.1f} s")
    return line.split()[1]


def _load(url: str, folder: Path, file: Path, mapping: Path) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ops", "load", str(file), "--json"),
            *("--mapping", str(mapping), "--url", url),
            *("--rejects", str(folder / f"{file.name}.rejects.ndjson")),
        ],
        env=os.environ | {"XDG_STATE_HOME": str(folder / "state")},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(done.returncode)
    summary: dict[str, Any] = json.loads(done.stdout)
    print(
        f"   {summary['records']:,} lines: {summary['accepted']:,} accepted, "
        f"{sum(summary['refused'].values()):,} refused, {summary['seconds']:.1f} s"
    )
    for reason, count in summary["skipped"].items():
        print(f"   skipped, {reason}: {count:,}")
    return summary


def _get(url: str, min_position: str) -> dict[str, Any]:
    query = urllib.parse.urlencode({"min_position": min_position})
    with urllib.request.urlopen(f"{url}?{query}", timeout=10) as answer:
        document: dict[str, Any] = json.load(answer)
        return document


if __name__ == "__main__":
    sys.exit(main())
