"""`stockledger replay`: the state of any moment, from the log alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings
from ops.console import CommandError, print_document, stderr, stdout
from ops.faults import explain

if TYPE_CHECKING:
    from ops.replay.files import Format
    from ops.replay.partition import PartitionAnswer
    from ops.replay.question import Question

SHOW_DEFAULT = 50


def _flag(text: str, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False, **more)


def replay(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    *,
    as_of: Annotated[str | None, _flag("What had occurred by then.", "INSTANT")] = None,
    as_known_at: Annotated[str | None, _flag("What was recorded by then.", "INSTANT")] = None,
    as_of_position: Annotated[
        str | None,
        _flag("Up to these records, them included; other partitions are left out.", "P:O,…"),
    ] = None,
    since: Annotated[
        str | None, _flag("Also what came and went of what occurred after it.", "INSTANT")
    ] = None,
    since_known_at: Annotated[str | None, _flag("The same, recorded after it.", "INSTANT")] = None,
    since_position: Annotated[str | None, _flag("The same, behind these records.", "P:O,…")] = None,
    sku: Annotated[str | None, _flag("Only this SKU.")] = None,
    location: Annotated[str | None, _flag("Only what lies there or below it in the path.")] = None,
    partition: Annotated[list[int] | None, _flag("Only this partition; repeatable.", min=0)] = None,
    out: Annotated[Path | None, _flag("Write to this file instead: .ndjson or .csv.")] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="ndjson or csv.")
    ] = None,
    jobs: Annotated[
        int | None, _flag("Processes; none: one a processor if it pays.", min=1, max=64)
    ] = None,
    show: Annotated[int, typer.Option(min=0, help="Stock keys to show.")] = SHOW_DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Show what the stock was, from the log alone: no server and no views are needed.

    Exit codes: 0 replayed; 1 the log is missing, damaged or does not fit together; 2 the question
    cannot be asked of this log; 3 the log does not answer.
    """
    from ops.replay.question import ask

    question = ask(
        {
            "as_of": as_of,
            "as_known_at": as_known_at,
            "as_of_position": as_of_position,
            "since": since,
            "since_known_at": since_known_at,
            "since_position": since_position,
            "sku": sku,
            "location": location,
            "partition": partition,
        }
    )
    target = _target(out, file_format)
    try:
        answers = _replay(settings, question, jobs)
        document = _say(question, answers, target, as_json=as_json)
    except Exception as error:
        raise explain(error, settings) or error from error
    if not as_json:
        _show(question, document, answers, 0 if target is not None else show)


def _target(out: Path | None, file_format: str | None) -> "tuple[Path, Format] | None":
    """Where to write and how, if a file is wanted; checked before a long replay."""
    from ops.replay.files import check_target, format_of

    if out is not None:
        check_target(out)
        return out, format_of(out, file_format)
    if file_format is not None:
        raise CommandError("--format goes with --out")
    return None


def _replay(settings: Settings, question: "Question", jobs: int | None) -> "list[PartitionAnswer]":
    from ops.partition_processes import jobs_default, run_async
    from ops.replay.document import check
    from ops.replay.looking import look
    from ops.replay.progress import progress
    from ops.replay.running import replay

    untils = run_async(look(settings, question))
    with progress(sum(untils.values())) as shown:
        answers = replay(settings, question, untils, jobs or jobs_default(untils), shown)
    check(question, answers)
    return answers


def _say(
    question: "Question",
    answers: "list[PartitionAnswer]",
    target: "tuple[Path, Format] | None",
    *,
    as_json: bool,
) -> dict[str, Any]:
    """Write the file, or print the document; the document without its SKUs is the answer."""
    from ops.replay.document import all_skus, head_document, totals_document
    from ops.replay.files import write
    from ops.replay.report import warnings

    head, totals = head_document(question, answers), totals_document(answers)
    document = {**head, "totals": totals}
    if target is not None:
        path, kind = target
        write(path, kind, head, all_skus(answers), totals)
        document["written"] = str(path)
    if as_json:
        print_document(
            document if target is not None else {**document, "skus": list(all_skus(answers))}
        )
    for line in warnings(answers):
        stderr().print(line, markup=False)
    return document


def _show(
    question: "Question", document: dict[str, Any], answers: "list[PartitionAnswer]", rows_max: int
) -> None:
    from ops.replay.document import all_skus
    from ops.replay.report import lines, show

    if "written" in document:
        for line in [*lines(document), f"written: {document['written']}"]:
            stdout().print(line, markup=False)
        return
    show(
        stdout(),
        document,
        all_skus(answers),
        rows_max=rows_max,
        has_range=question.has_range,
    )
