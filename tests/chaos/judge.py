"""`stockledger check-history` on everything that was heard, and the figures of a run."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ops.check_history.history import Operation, read_history

CALM = "none"
SECOND_NS = 1_000_000_000


class Views(NamedTuple):
    """Settings that say where log and views are, and a server that shows these views."""

    flags: Sequence[str]
    live: str


class Episode(NamedTuple):
    """A fault, from its beginning until every server was ready again. Times of CLOCK_MONOTONIC."""

    kind: str
    began_ns: int
    ended_ns: int
    ready_ns: int


@dataclass
class Row:
    """What happened during all faults of one kind."""

    kind: str
    times: int = 0
    seconds: float = 0.0
    heard: Counter[str] = field(default_factory=Counter)
    silence_seconds: float = 0.0


@dataclass
class Verdict:
    """What came of one site."""

    site: str
    rows: list[Row]
    movements: int
    void: int
    unjudged: int
    findings: int
    by_code: dict[str, int]
    # What is wrong besides the findings: servers that did not recover, ids without an answer.
    problems: list[str]


async def check_history(files: Sequence[Path], views: Views) -> dict[str, Any]:
    """Run the command; its document. Raises RuntimeError if it could not check."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "check-history", *map(str, files), *views.flags),
        *("--json", "--live", views.live),
        cwd=files[0].parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode not in (0, 1):
        raise RuntimeError(f"the history could not be checked: {err.decode()}")
    found: dict[str, Any] = json.loads(out)
    return found


async def judge(
    site: str, files: Sequence[Path], views: Sequence[Views], episodes: Sequence[Episode]
) -> Verdict:
    """Check against every set of views, and count."""
    documents = [await check_history(files, each) for each in views]
    operations = read_history(files).operations
    counted: Counter[str] = Counter()
    problems = []
    for found in documents:
        counted.update(found["by_code"])
        problems += [f"{one['code']} {one['where']}: {one['text']}" for one in found["shown"]]
        problems += [f"snapshot ignored: {why}" for why in found["snapshots_ignored"]]
    first = documents[0]
    return Verdict(
        site=site,
        rows=rows_of(operations, episodes),
        movements=first["movements"],
        void=first["void"],
        unjudged=max(found["unjudged"] for found in documents),
        findings=sum(found["findings"] for found in documents),
        by_code=dict(counted),
        problems=problems,
    )


def rows_of(operations: Iterable[Operation], episodes: Sequence[Episode]) -> list[Row]:
    """A row for each kind of fault, and one for the time without any. Every call is in one row."""
    writes = sorted((one for one in operations if one.writes), key=lambda one: one.sent_ns)
    rows: dict[str, Row] = {CALM: Row(CALM)}
    for episode in episodes:
        row = rows.setdefault(episode.kind, Row(episode.kind))
        row.times += 1
        row.seconds += (episode.ended_ns - episode.began_ns) / SECOND_NS
    for one in writes:
        kind = _kind_at(one.sent_ns, one.answered_ns or one.sent_ns, episodes)
        rows[kind].heard[one.outcome] += 1
    known = sorted(one.answered_ns or 0 for one in writes if one.outcome == "accepted")
    for before, after in pairwise(known):
        row = rows[_kind_at(before, after, episodes)]
        row.silence_seconds = max(row.silence_seconds, (after - before) / SECOND_NS)
    return [*rows.values()]


def _kind_at(start_ns: int, end_ns: int, episodes: Sequence[Episode]) -> str:
    """The fault during which something happened, were it in part."""
    for episode in episodes:
        if start_ns <= episode.ready_ns and end_ns >= episode.began_ns:
            return episode.kind
    return CALM


COLUMNS = ("fault", "times", "seconds", "calls", "acknowledged", "refused", "unknown", "silence")


def table(rows: Sequence[Row]) -> list[str]:
    """As Markdown. `silence` is the longest time without an acknowledged write, in seconds."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|---|{'---:|' * (len(COLUMNS) - 1)}"]
    for row in rows:
        heard = row.heard
        cells = [
            row.kind,
            f"{row.times}",
            f"{row.seconds:.0f}",
            f"{heard.total():,}",
            f"{heard['accepted']:,}",
            f"{heard['refused'] + heard['invalid']:,}",
            f"{heard['unknown'] + heard['unwritten']:,}",
            f"{row.silence_seconds:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def report(verdict: Verdict) -> list[str]:
    """For people."""
    lines = [f"## {verdict.site}", "", *table(verdict.rows), ""]
    lines.append(
        f"{verdict.movements:,} movements, {verdict.void:,} void records, "
        f"{verdict.findings} violations, {verdict.unjudged} refusals not judged"
    )
    return [*lines, *(f"wrong: {problem}" for problem in verdict.problems), ""]
