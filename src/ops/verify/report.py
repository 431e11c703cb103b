"""What is said in the end: each finding up to a limit, a count of each code, one summary."""

from dataclasses import dataclass, field
from typing import Any

from ops.findings import Findings
from ops.verify.codes import CODES
from ops.verify.partition import PartitionReport
from ops.verify.walk import VOID_LISTED_MAX

_VOID_SHOWN_MAX = 20


@dataclass
class Report:
    """Everything that was found. `levels` are keys compared and keys that changed meanwhile."""

    findings: Findings
    partitions: list[PartitionReport] = field(default_factory=list)
    levels: tuple[int, int] | None = None
    seal: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def ledger_id(self) -> str | None:
        """The ledger that the log was opened as."""
        return next((one.ledger_id for one in self.partitions if one.ledger_id), None)

    def total(self, name: str) -> int:
        """The sum of a number over all partitions."""
        return sum(getattr(one, name) for one in self.partitions)

    @property
    def all_notes(self) -> list[str]:
        """What could not be compared, and why; each once."""
        notes = [*self.notes, *(note for one in self.partitions for note in one.notes)]
        return list(dict.fromkeys(notes))


def document(report: Report) -> dict[str, Any]:
    """The one document of `--json`."""
    findings = report.findings
    views = {
        str(one.partition): {
            "position": one.views_until,
            "demand": one.demand_until,
            "history": one.history_until,
        }
        for one in report.partitions
        if one.views_until is not None
    }
    return {
        "findings": findings.total,
        "by_code": dict(sorted(findings.counts.items())),
        "shown": [one._asdict() for one in findings.kept],
        "ledger_id": report.ledger_id,
        "records": report.total("records"),
        "movements": report.total("movements"),
        "refusals": report.total("refusals"),
        "void": report.total("void"),
        "void_records": _void(report),
        "partitions": [_partition(one) for one in report.partitions],
        "views": views,
        "snapshots": report.total("snapshot"),
        "levels": None
        if report.levels is None
        else {"compared": report.levels[0], "moving": report.levels[1]},
        "seal": report.seal,
        "notes": report.all_notes,
    }


def _partition(one: PartitionReport) -> dict[str, Any]:
    return {
        "partition": one.partition,
        "end": one.end,
        "head": one.head,
        "records": one.records,
        "movements": one.movements,
        "refusals": one.refusals,
        "void": one.void,
        "sound_until": one.sound_until,
    }


def _void(report: Report) -> list[dict[str, Any]]:
    return [
        {"partition": one.partition, "offset": offset, "states": stated}
        for one in report.partitions
        for offset, stated in one.void_listed
    ][:VOID_LISTED_MAX]


def lines(report: Report) -> tuple[list[str], list[str]]:
    """What is wrong, and the summary, for people."""
    findings = report.findings
    found = [f"{code} {where}: {text}" for code, where, text in findings.kept]
    found += [
        f"{count:,} of {code}: {CODES[code]}" for code, count in findings.counts.most_common()
    ]
    summary = [
        f"{findings.total:,} findings: {report.total('records'):,} records that count"
        f" ({report.total('movements'):,} movements, {report.total('refusals'):,} refusals),"
        f" {report.total('void'):,} void ones, {len(report.partitions)} partitions"
        f" of ledger {report.ledger_id}"
    ]
    void = _void(report)
    if void:
        places = ", ".join(f"{one['partition']}:{one['offset']}" for one in void[:_VOID_SHOWN_MAX])
        more = " …" if report.total("void") > _VOID_SHOWN_MAX else ""
        summary.append(f"void: {places}{more}")
    summary.append(_compared(report))
    summary += report.all_notes
    return found, summary


def _compared(report: Report) -> str:
    views = sum(one.views_until is not None for one in report.partitions)
    demand = sum(one.demand_until is not None for one in report.partitions)
    history = sum(one.history_until is not None for one in report.partitions)
    parts = [
        f"the views of {views} partitions" if views else "no views",
        f"the demand view of {demand}" if demand else "no demand view",
        f"the balance checkpoints of {history}" if history else "no balance checkpoints",
        f"{report.total('snapshot')} snapshots",
    ]
    if report.levels is not None:
        parts.append(f"{report.levels[0]:,} published levels ({report.levels[1]:,} were moving)")
    if report.seal is not None:
        proved = "" if report.seal["authentic"] else ", whose key nobody vouched for"
        parts.append(f"{report.seal['seals']} seals{proved}")
    else:
        parts.append("no seal: whether the newest records are all there is not proved")
    return f"compared: {', '.join(parts)}"
