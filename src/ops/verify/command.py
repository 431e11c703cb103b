"""`stockledger verify`: an audit of the log, and of all that is made from it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.config import Settings
from ops.console import CommandError, ExitCode, print_document, stderr, stdout
from ops.faults import explain
from ops.verify.codes import KEPT_MAX_DEFAULT

if TYPE_CHECKING:
    from ops.verify.report import Report
    from ops.verify.run import Order

_Option = typer.Option


def verify(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    *,
    seal: Annotated[
        Path | None,
        _Option(help="A seal, or the folder of all: prove history before it.", show_default=False),
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        _Option(help="Key that signed the seal; repeatable.", show_default=False),
    ] = None,
    views: Annotated[bool, _Option(help="Compare the views.")] = True,
    snapshots: Annotated[bool, _Option(help="Compare the snapshots.")] = True,
    levels: Annotated[bool, _Option(help="Compare the topic of levels.")] = True,
    partition: Annotated[
        list[int] | None, _Option(min=0, help="Only this partition; repeatable.")
    ] = None,
    jobs: Annotated[
        int | None,
        _Option(
            min=1, max=64, help="Processes; none: one a processor if it pays.", show_default=False
        ),
    ] = None,
    show: Annotated[int, _Option(min=0, help="Findings to show of each code.")] = KEPT_MAX_DEFAULT,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Verify the log, and the views, the snapshots and the published levels against it.

    It only reads, and the ledger may be in use. Exit codes: 0 all is well; 1 something is wrong;
    2 used wrongly; 3 a server does not answer.
    """
    if public_key and seal is None:
        raise CommandError("--public-key goes with --seal")
    from ops.verify.run import Order

    order = Order(
        views=views,
        snapshots=snapshots,
        levels=levels,
        partitions=sorted(set(partition)) if partition else None,
        seal=seal,
        public_keys=tuple(public_key or ()),
        kept_max=show,
    )
    try:
        report = _verify(settings, order, jobs)
    except Exception as error:
        raise explain(error, settings) or error from error
    _say(report, as_json=as_json)
    if report.findings.total:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _verify(settings: Settings, order: "Order", jobs: int | None) -> "Report":
    from ops.partition_processes import jobs_default, run_async
    from ops.replay.progress import progress
    from ops.verify.processes import verify_all
    from ops.verify.run import look, verify_together

    target = run_async(look(settings, order))
    with progress(sum(target.ends.values()), "verifying") as shown:
        number = jobs or jobs_default(target.ends)
        reports = verify_all(settings, order, target, number, shown)
    return run_async(verify_together(settings, order, target, reports))


def _say(report: "Report", *, as_json: bool) -> None:
    from ops.verify.report import document, lines

    if as_json:
        print_document(document(report))
        return
    found, summary = lines(report)
    for line in found:
        stderr().print(line, markup=False)
    for line in summary:
        stdout().print(line, markup=False)
