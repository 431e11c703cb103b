"""What is said in the end: each finding up to a limit, a count of each code, one summary."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.findings import Findings
from ops.verify.codes import CODES
from ops.verify.left_out import LeftOut
from ops.verify.partition import PartitionReport
from ops.verify.walk import VOID_LISTED_MAX

_VOID_SHOWN_MAX = 20


@dataclass
class Report:
    """Everything that was found. `levels` are keys compared and keys that changed meanwhile.

    `left_out` is what was not looked at, `notes` what could not be compared although it was.
    """

    findings: Findings
    partitions: list[PartitionReport] = field(default_factory=list)
    levels: tuple[int, int] | None = None
    seal: dict[str, Any] | None = None
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies in what was read of the log, so that there is nothing to verify."""
        return not any(one.end for one in self.partitions)

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
    voids = _void(report)
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
        "nothing_to_verify": report.is_empty,
        "findings": findings.total,
        "by_code": dict(sorted(findings.counts.items())),
        "shown": [one._asdict() for one in findings.kept],
        "ledger_id": report.ledger_id,
        "records": report.total("records"),
        "movements": report.total("movements"),
        "refusals": report.total("refusals"),
        "void": report.total("void"),
        "void_records": voids,
        "cut": _cut(report, voids),
        "partitions": [_partition(one) for one in report.partitions],
        "views": views,
        "snapshots": report.total("snapshot"),
        "levels": None
        if report.levels is None
        else {"compared": report.levels[0], "moving": report.levels[1]},
        "seal": report.seal,
        "not_checked": [one._asdict() for one in report.left_out],
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


def _cut(report: Report, voids: Sequence[object]) -> dict[str, dict[str, int]]:
    """The lists of the document that are not whole: how many of how many are in them."""
    findings = report.findings
    lists = {
        "shown": (len(findings.kept), findings.total),
        "void_records": (len(voids), report.total("void")),
    }
    return {
        name: {"listed": listed, "of": count}
        for name, (listed, count) in lists.items()
        if listed < count
    }


def lines(report: Report) -> tuple[list[str], list[str]]:
    """What is wrong, and the summary, for people."""
    findings = report.findings
    found = [f"{code} {where}: {text}" for code, where, text in findings.kept]
    found += [
        f"{count:,} of {code}: {CODES[code]}{_shown(findings, code)}"
        for code, count in findings.counts.most_common()
    ]
    summary = [_summary(report)]
    void = _void(report)
    if void:
        places = ", ".join(f"{one['partition']}:{one['offset']}" for one in void[:_VOID_SHOWN_MAX])
        count = report.total("void")
        cut = f"the first {_VOID_SHOWN_MAX} of {count:,}: " if count > _VOID_SHOWN_MAX else ""
        summary.append(f"void: {cut}{places}")
    summary.append(f"compared: {', '.join(_compared(report)) or 'nothing but the log with itself'}")
    summary += [f"not checked: {what}: {why}" for what, why in report.left_out]
    summary += report.all_notes
    return found, summary


def _shown(findings: Findings, code: str) -> str:
    shown = sum(one.code == code for one in findings.kept)
    return f" ({shown:,} shown)" if shown < findings.counts[code] else ""


def _summary(report: Report) -> str:
    findings = f"{report.findings.total:,} findings"
    if report.is_empty:
        count = len(report.partitions)
        return f"nothing to verify: the log is empty, in {count} partitions; {findings}"
    return (
        f"{findings}: {report.total('records'):,} records that count"
        f" ({report.total('movements'):,} movements, {report.total('refusals'):,} refusals),"
        f" {report.total('void'):,} void ones, {len(report.partitions)} partitions"
        f" of ledger {report.ledger_id}"
    )


def _compared(report: Report) -> list[str]:
    """What was held against the log, and how much of it."""
    counted = {
        "the views of {} partitions": sum(one.views_until is not None for one in report.partitions),
        "the demand view of {}": sum(one.demand_until is not None for one in report.partitions),
        "the balance checkpoints of {}": sum(
            one.history_until is not None for one in report.partitions
        ),
        "{} snapshots": report.total("snapshot"),
    }
    parts = [text.format(count) for text, count in counted.items() if count]
    if report.levels is not None:
        parts.append(f"{report.levels[0]:,} published levels ({report.levels[1]:,} were moving)")
    if report.seal is not None:
        proved = "" if report.seal["authentic"] else ", whose key nobody vouched for"
        parts.append(f"{report.seal['seals']} seals{proved}")
    return parts
