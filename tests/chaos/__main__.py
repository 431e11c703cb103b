"""Chaos on real servers: python -m tests.chaos --minutes 10 --seed N."""

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.chaos.judge import Verdict, report
from tests.chaos.run import Order, run
from tests.chaos.sites import Site, embedded, one_broker, three_brokers
from tests.servers import PostgresServer, running, temporary_folder

# The share of the time that each site gets.
SITES: Final = {"one": 0.6, "three": 0.25, "embedded": 0.15}


def main() -> int:
    """Run all sites; 1 if anything is wrong."""
    options = _options()
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    sys.stdout.write(f"seed {seed}, {options.minutes:g} minutes\n\n")
    sys.stdout.flush()
    verdicts = []
    with _folder(options.keep) as folder:
        for name in options.sites.split(","):
            share = SITES[name] / sum(SITES[each] for each in options.sites.split(","))
            place = folder / name
            place.mkdir(mode=0o711, parents=True)
            seconds = options.minutes * 60 * share
            verdict = asyncio.run(_one(name, place, seed, seconds, options.clients))
            verdicts.append(verdict)
            sys.stdout.write("\n".join(report(verdict)) + "\n")
            sys.stdout.flush()
    if options.json:
        sys.stdout.write(json.dumps([asdict(verdict) for verdict in verdicts]) + "\n")
    return 1 if any(verdict.problems or verdict.findings for verdict in verdicts) else 0


async def _one(name: str, folder: Path, seed: int, seconds: float, clients: int) -> Verdict:
    chance = random.Random(f"{seed}-{name}")
    with contextlib.ExitStack() as servers:
        place: AbstractAsyncContextManager[Site]
        if name == "embedded":
            place = embedded(folder, chance)
        else:
            database = PostgresServer(folder / "postgres", durable=False)
            servers.enter_context(running(database))
            if name == "one":
                place = one_broker(folder, chance, None, database)
            else:
                place = three_brokers(folder, chance, database)
        async with place as site:
            return await run(site, folder, Order(seed=seed, seconds=seconds, clients=clients))


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where everything lies; it stays if it was named."""
    folder = keep or temporary_folder()
    try:
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.chaos")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--sites", default=",".join(SITES), help="of one,three,embedded")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--keep", type=Path, help="a folder for all data, kept afterwards")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
