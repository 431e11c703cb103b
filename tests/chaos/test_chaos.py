"""The short form of `make chaos`: a few faults on the servers that all tests share."""

import itertools
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.check_history.history import Operation
from tests.chaos.faults import Fault
from tests.chaos.faults_of_links import DiskFull, FilesLimited
from tests.chaos.judge import SECOND_NS, Episode, Verdict, rows_of, table
from tests.chaos.run import Order, Plan, run
from tests.chaos.sites import embedded, one_broker
from tests.servers import KafkaServer, PostgresServer

SEED = 7
SHORT = Order(seed=SEED, seconds=0.1, clients=4)


def check(verdict: Verdict, kinds: int) -> None:
    """Nothing is wrong, and it was not because nothing happened."""
    assert (verdict.findings, verdict.by_code, verdict.problems) == (0, {}, [])
    assert verdict.unjudged == 0
    assert verdict.movements > 10
    assert len([row for row in verdict.rows if row.times]) >= kinds, table(verdict.rows)
    heard = sum((row.heard for row in verdict.rows), start=type(verdict.rows[0].heard)())
    assert heard["unknown"] + heard["unwritten"] > 0, "no fault was noticed by anybody"


async def test_servers_that_fail_lose_and_double_nothing(
    tmp_path: Path, kafka_server: KafkaServer, own_postgres: PostgresServer
) -> None:
    """A broker and an instance are killed, perhaps both at once."""
    chance = random.Random(SEED)
    async with one_broker(tmp_path, chance, kafka_server, own_postgres) as site:
        quick = {"broker killed", "instance killed"}
        site.faults = [fault for fault in site.faults if fault.kind in quick]
        verdict = await run(site, tmp_path, replace(SHORT, faults_min=2))
    check(verdict, 2)


async def test_a_disk_without_room(tmp_path: Path) -> None:
    """The embedded ledger answers 503, stays what it was, and goes on."""
    chance = random.Random(SEED)
    async with embedded(tmp_path, chance) as site:
        # The first of them, which is the full disk wherever a small one can be had.
        full = [one for one in site.faults if isinstance(one, DiskFull | FilesLimited)]
        site.faults = full[:1]
        verdict = await run(site, tmp_path, SHORT)
    check(verdict, 1)


class Named(Fault):
    """A fault that does nothing."""

    def __init__(self, kind: str) -> None:
        """Only a name."""
        self.kind = kind


@pytest.mark.parametrize("seed", range(5))
def test_each_kind_comes_before_any_comes_again(seed: int) -> None:
    """Also where two come at once."""
    plan = Plan([Named(str(number)) for number in range(6)], random.Random(seed))
    drawn = [[fault.kind for fault in plan.next()] for _ in range(60)]
    assert {len(kinds) for kinds in drawn} == {1, 2}
    found = list(itertools.chain.from_iterable(drawn))
    for start in range(0, len(found) - 5, 6):
        assert len({*found[start : start + 6]}) == 6


def called(sent: float, answered: float | None, **values: Any) -> Operation:
    """A call with its times in seconds."""
    given: dict[str, Any] = {"client": "c", "op": "movement", "sku": "A", "outcome": "accepted"}
    given |= {"sent_ns": int(sent * SECOND_NS), **values}
    given["answered_ns"] = None if answered is None else int(answered * SECOND_NS)
    return Operation(**given)


def test_calls_and_silence_belong_to_the_fault_they_met() -> None:
    """A fault lasts until all are ready; reads are no writes."""
    calls = [
        called(0, 1),
        called(1, 2),
        called(3, None, outcome="unknown"),
        called(4, 4.5, outcome="refused"),
        called(4, 6, op="read"),
        called(8, 9),
        called(20, 21),
    ]
    episodes = [Episode("broken", 3 * SECOND_NS, 5 * SECOND_NS, 7 * SECOND_NS)]
    calm, broken = rows_of(calls, episodes)
    assert (calm.kind, calm.heard, calm.silence_seconds) == ("none", {"accepted": 4}, 12.0)
    assert broken.heard == {"unknown": 1, "refused": 1}
    assert (broken.times, broken.seconds, broken.silence_seconds) == (1, 2.0, 7.0)
    assert table([broken])[2] == "| broken | 1 | 2 | 2 | 0 | 1 | 1 | 7.0 |"
