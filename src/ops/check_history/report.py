"""What is said in the end: each finding up to a limit, a count of each code, one summary."""

from dataclasses import dataclass, field
from typing import Any

from ops.check_history.check import Result
from ops.check_history.checks_place import VOID_LISTED_MAX
from ops.check_history.findings import CODES

_VOID_SHOWN_MAX = 20


@dataclass
class Compared:
    """What the log was compared with, besides the history."""

    live: int = 0
    snapshots: int = 0
    # By partition the offset up to which the views had read.
    views: dict[int, int] = field(default_factory=dict)
    # Snapshots that recovery would ignore as well, and why.
    ignored: list[str] = field(default_factory=list)


def _void(result: Result) -> list[dict[str, Any]]:
    return [
        {"partition": walk.fold.partition, "offset": offset, "states": stated}
        for walk in result.walks
        for offset, stated in walk.tail.void_listed
    ][:VOID_LISTED_MAX]


def document(result: Result, compared: Compared) -> dict[str, Any]:
    """The one document of `--json`."""
    findings = result.findings
    return {
        "findings": findings.total,
        "by_code": dict(sorted(findings.counts.items())),
        "shown": [one._asdict() for one in findings.kept],
        "operations": result.operations,
        "partitions": len(result.walks),
        "records": sum(walk.tail.counting for walk in result.walks),
        "movements": sum(walk.fold.movements for walk in result.walks),
        "refusals": sum(walk.fold.refusals for walk in result.walks),
        "void": sum(walk.tail.void for walk in result.walks),
        "void_records": _void(result),
        "unjudged": result.unjudged,
        "live_skus": compared.live,
        "views": {str(partition): one for partition, one in sorted(compared.views.items())},
        "snapshots": compared.snapshots,
        "snapshots_ignored": compared.ignored,
    }


def lines(result: Result, compared: Compared) -> tuple[list[str], list[str]]:
    """What is wrong, and the summary, for people."""
    said = document(result, compared)
    found = [f"{code} {where}: {text}" for code, where, text in result.findings.kept]
    found += [
        f"{count:,} of {code}: {CODES[code]}"
        for code, count in result.findings.counts.most_common()
    ]
    void = said["void_records"][:_VOID_SHOWN_MAX]
    summary = [f"{said['findings']:,} findings"]
    summary[0] += (
        f": {said['operations']:,} operations, {said['records']:,} records that count"
        f" ({said['movements']:,} movements, {said['refusals']:,} refusals), {said['void']:,} void"
        f" ones, {said['partitions']} partitions"
    )
    if void:
        places = ", ".join(f"{one['partition']}:{one['offset']}" for one in void)
        summary.append(f"void: {places}{' …' if said['void'] > len(void) else ''}")
    summary.append(_compared(compared))
    if result.unjudged:
        summary.append(f"{result.unjudged:,} refusals could not be judged")
    return found, summary


def _compared(compared: Compared) -> str:
    views = f"the views of {len(compared.views)} partitions" if compared.views else "no views"
    ignored = f" ({len(compared.ignored)} ignored)" if compared.ignored else ""
    return (
        f"compared: {views}, {compared.snapshots} snapshots{ignored}, {compared.live} SKUs of a"
        " server"
    )
