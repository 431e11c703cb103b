"""The command line in real processes, and real sales to feed it with."""

import asyncio
import gzip
import itertools
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from examples.retail import opening
from ledger.config import Settings, open_log
from ledger.domain.facts import Moved
from ledger.events.decoding import Codec

RETAIL = Path(__file__).parents[2] / "examples" / "retail"
MAPPING = RETAIL / "mapping.toml"
# Generous, for machines that do many other things at once.
SECONDS_MAX = 100
PARTITIONS = 4
LINES = 3_000  # of the sample; the whole of it is for `make demo`

Process = subprocess.Popen[str]


class Shell:
    """Starts the command line in a folder of its own, and leaves nothing running."""

    def __init__(self, folder: Path) -> None:
        """No settings of the surroundings. `within` is a command that starts others."""
        self.folder = folder
        self.within: list[str] = []
        self._processes: list[Process] = []
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("STOCKLEDGER")
        } | {"XDG_STATE_HOME": str(folder / "state")}

    def start(self, *arguments: str) -> Process:
        """Start a command."""
        with (self.folder / "stderr").open("a") as stderr:
            process = subprocess.Popen(
                [*self.within, sys.executable, "-m", "ops", *arguments],
                cwd=self.folder,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self._processes.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command to its end: exit code, stdout, stderr."""
        (self.folder / "stderr").unlink(missing_ok=True)
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=SECONDS_MAX)
        return process.returncode, out, (self.folder / "stderr").read_text()

    def serve(self, port: int = 0, *flags: str) -> tuple[Process, str]:
        """Start a server and wait for its line; the answer is also its address."""
        process = self.start(
            *("serve", "--port", str(port), "--partitions", str(PARTITIONS)),
            *("--log-level", "warning", "--backdate-limit-days", "36500"),
            *("--view-wait-seconds", "60"),
            *flags,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:"), (self.folder / "stderr").read_text()
        return process, line.split()[1]

    def load(self, url: str, file: Path, mapping: Path) -> dict[str, Any]:
        """Load a file in full; nothing may be refused."""
        code, out, err = self.run(
            *("load", str(file), "--mapping", str(mapping), "--url", url, "--json"),
        )
        assert code == 0, err
        document: dict[str, Any] = json.loads(out)
        return document

    def close(self) -> None:
        """End what still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


class Sales(NamedTuple):
    """Real sales, the stock they need to begin with, and what they leave, by SKU."""

    file: Path
    opening: Counter[str]
    left: Counter[str]

    @property
    def opened(self) -> int:
        """How many receipts open the stock."""
        return sum(1 for quantity in self.opening.values() if quantity > 0)


def make_sales(folder: Path) -> Sales:
    """The first lines of the sample."""
    file = folder / "sales.csv"
    with gzip.open(RETAIL / "sample.csv.gz", "rt") as lines:
        file.write_text("".join(itertools.islice(lines, LINES + 1)))
    needed, _, costs = opening.needed(file, MAPPING)
    opening.write(folder / "opening.csv", needed, costs)
    left = Counter(needed)
    for sku, quantity in opening.changes(file, MAPPING):
        left[sku] += quantity
    return Sales(file, needed, left)


def open_stock(shell: Shell, url: str, sales: Sales) -> None:
    """Load the opening stock that the sales need."""
    done = shell.load(url, shell.folder / "opening.csv", RETAIL / "opening.toml")
    assert done["accepted"] == sales.opened


def on_hand(url: str, sku: str, min_position: str) -> int:
    """What the views say, once they have read so far."""
    query = urllib.parse.urlencode({"min_position": min_position})
    address = f"{url}/v1/stock/{urllib.parse.quote(sku)}?{query}"
    with urllib.request.urlopen(address, timeout=SECONDS_MAX) as answer:
        return int(json.load(answer)["on_hand"])


def ids_and_sums(settings: Settings) -> tuple[Counter[str], Counter[str]]:
    """What the log itself holds: how often each id counts, and the stock by SKU."""

    async def read() -> tuple[Counter[str], Counter[str]]:
        ids: Counter[str] = Counter()
        sums: Counter[str] = Counter()
        codec = Codec()
        log = open_log(settings)
        await log.open()
        for partition in range(PARTITIONS):
            offset, end = 0, await log.end(partition)
            while offset < end:
                records, offset, _ = await log.read(partition, offset)
                for record in records:
                    fact = codec.decode(record)[1] if record.counts else None
                    if isinstance(fact, Moved):
                        ids[fact.id] += 1
                        sums[fact.sku] += fact.quantity * (1 if fact.source[0] == "@" else -1)
        await log.close()
        return ids, sums

    return asyncio.run(read())
