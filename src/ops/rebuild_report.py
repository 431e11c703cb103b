"""What `stockledger rebuild` says: progress while it works, and what came of it."""

import time
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from ops.console import stderr

if TYPE_CHECKING:
    from projections.rebuilding.rebuild import Report

EVERY_SECONDS = 2.0


class Telling:
    """Hears how a rebuild goes, and tells it on stderr."""

    def __init__(self, of_records: int) -> None:
        """`of_records` is how many the log had at the start."""
        self._console = stderr()
        self._of_records = of_records
        self._said_at = time.monotonic()
        self._first: tuple[float, int] | None = None

    def say(self, what: str) -> None:
        """Something worth a line."""
        self._console.print(what, markup=False)

    def progress(self, stage: str, records: int) -> None:
        """So many records of all partitions are read; a line now and then."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, records
        if now - self._said_at < EVERY_SECONDS:
            return
        self._said_at = now
        begun, before = self._first
        rate = (records - before) / (now - begun) if now > begun else 0.0
        behind = max(0, self._of_records - records)
        self.say(
            f"{stage}: {records:,} of {self._of_records:,}, {behind:,} behind, {rate:,.0f} a second"
        )


def document_of(report: "Report") -> dict[str, Any]:
    """The document of `--json`."""
    document: dict[str, Any] = msgspec.to_builtins(report)
    for table, result in zip(document["tables"], report.tables, strict=True):
        table["equal"] = result.equal
    document["compared_at"] = {str(key): at for key, at in report.compared_at.items()}
    return {**document, "equal": report.equal}


def show_rebuilt(console: Console, document: dict[str, Any]) -> None:
    """What was built, what differs, and whether it is live now."""
    if document["not_compared"] is not None:
        console.print(f"not compared: {document['not_compared']}", markup=False)
    for partition in document["other_heads"]:
        console.print(f"partition {partition}: the live views are of other records", markup=False)
    for table in document["tables"]:
        _show_table(console, table)
    live = "and is live now" if document["swapped"] else "and waits beside the live views"
    took = ", ".join(f"{stage} in {one:.1f} s" for stage, one in document["seconds"].items())
    console.print(f"{document['records']:,} records: {took}; {live}", markup=False)


def _show_table(console: Console, table: dict[str, Any]) -> None:
    if table["equal"]:
        console.print(f"{table['table']}: {table['live']['rows']:,} rows, equal", markup=False)
        return
    console.print(
        f"{table['table']}: {table['differs']:,} rows differ, {table['missing']:,} are missing,"
        f" {table['extra']:,} are too many",
        markup=False,
    )
    for name, live in table["live"]["sums"].items():
        if live != (built := table["built"]["sums"][name]):
            console.print(f"  sum of {name}: {live} live, {built} built", markup=False)
    for row in table["shown"]:
        key = " ".join(f"{name}={value}" for name, value in row["key"].items())
        what = "; ".join(
            f"{name} is {one['live']}, built {one['built']}" for name, one in row["columns"].items()
        )
        console.print(f"  {row['kind']}: {key}{what and ': ' + what}", markup=False)


def show_rolled_back(console: Console, _document: dict[str, Any]) -> None:
    """The views of before are live."""
    console.print("the views of before are live again; those that were live are kept", markup=False)


def show_dropped(console: Console, document: dict[str, Any]) -> None:
    """Whether there was anything to drop."""
    console.print("dropped" if document["dropped"] else "there is nothing to drop", markup=False)


def show_status(console: Console, document: dict[str, Any]) -> None:
    """Each partition with what stopped it, what is built, and what is kept."""
    for view in document["views"]:
        console.print(
            f"partition {view['partition']}: read up to {view['position']:,} of {view['end']:,}, "
            f"{view['lag']:,} behind",
            markup=False,
        )
        if view["stopped"] is not None:
            console.print(f"  {_stopped(view['partition'], view['stopped'])}", markup=False)
    build, kept = document["build"], document["kept"]
    if build is not None:
        state = "goes on" if build["running"] else "is not live; call it again to go on"
        console.print(
            f"a rebuild begun {build['begun_at']} {state}: {build['records']:,} of"
            f" {build['of_records']:,} records",
            markup=False,
        )
    if kept is not None:
        console.print(f"views that were live until {kept['kept_at']} are kept", markup=False)


def _stopped(partition: int, failure: dict[str, Any]) -> str:
    record = failure["record"] or {}
    named = ", ".join(f"{name} {one}" for name, one in record.items() if one is not None)
    at = f"stopped at {partition}:{failure['position']}"
    return f"{at} ({named or 'the record is not readable'}): {failure['fault']}: {failure['why']}"
