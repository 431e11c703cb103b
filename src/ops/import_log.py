"""`stockledger import`: a full export as the log of an empty place."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings, joined_writers, open_log
from ledger.errors import ClockSkewed, LogUnavailable, OutcomeUnknown
from ops.console import CommandError, ExitCode, print_document, stdout
from ops.data_dir import prepare_data_dir
from ops.export import progress_bar
from ops.faults import explain

if TYPE_CHECKING:
    from ops.importing.source import Source
    from ops.importing.target import Filled

Progress = Callable[[int, int], None]


def import_log(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(help="An export as ndjson.", show_default=False)],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only read and prove the export; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Make the log of an empty instance from a full export, record by record at the same offsets.

    All of the export is proved before the first record is written: hashes, offsets, chain. Run it
    again after any interruption: it compares what is there and goes on behind it. No instance may
    run on that log before it says that it is done.

    Exit codes: 0 everything is there; 1 the export is damaged, or the log is not empty; 2 used
    wrongly, for example another number of partitions; 3 the log does not answer: run it again.
    """
    from ops.importing.run import prove
    from ops.importing.source import Source

    source = Source(folder)
    if not check:
        _fits(settings, source)
    began = time.monotonic()
    filled: list[Filled] = []
    try:
        with progress_bar("offsets proved") as progress:
            prove(source, progress)
        if not check:
            with progress_bar("offsets there") as progress:
                filled = asyncio.run(_fill(settings, source, progress))
    except (LogUnavailable, OutcomeUnknown, ClockSkewed) as error:
        text = f"{error}. Run the same import again: it goes on where it stopped"
        raise CommandError(text, ExitCode.UNAVAILABLE) from error
    except Exception as error:
        raise explain(error, settings) or error from error
    document = _document(source, filled)
    if as_json:
        print_document(document)
        return
    for line in _lines(document, time.monotonic() - began, check=check):
        stdout().print(line, markup=False)


def _fits(settings: Settings, source: "Source") -> None:
    """Raises CommandError for settings with which the log could not be what the export is."""
    count = source.manifest.partitions
    if settings.partitions != count:
        raise CommandError(
            f"the export has {count} partitions, and the settings {settings.partitions}: SKUs "
            f"would be looked for where they are not. Use --partitions {count}"
        )
    if settings.currency != source.manifest.currency:
        raise CommandError(
            f"the export counts in {source.manifest.currency}, and the settings in "
            f"{settings.currency}. Use --currency {source.manifest.currency}, here and to serve it"
        )


async def _fill(settings: Settings, source: "Source", progress: Progress) -> "list[Filled]":
    from ops.importing.run import fill

    prepare_data_dir(settings)
    log = open_log(settings)
    try:
        await log.open()
        joined = await joined_writers(settings)
        if joined:
            raise CommandError(
                f"an instance takes part in writing this log: {', '.join(joined)}. Stop it first, "
                f"or wait until it has left the group {settings.group_id}",
                ExitCode.FOUND_WRONG,
            )
        return await fill(log, source, _place(settings), progress)
    finally:
        # What failed before is what matters.
        with suppress(Exception):
            await log.close()


def _place(settings: Settings) -> str:
    if settings.kafka_bootstrap is None:
        return f"{settings.log_path} with its -wal and -shm"
    return f"the topic {settings.movements_topic}"


def _document(source: "Source", filled: "list[Filled]") -> dict[str, Any]:
    by_partition = {one.partition: one for one in filled}
    return {
        "ledger_id": source.manifest.ledger_id,
        "currency": source.manifest.currency,
        "partitions": [
            {
                "partition": one.partition,
                "until_offset": one.until_offset,
                "head": one.until_head,
                "counting": one.counting,
                "void": one.void,
            }
            | (
                {"found": there.found, "appended": there.appended, "filled": there.void}
                if (there := by_partition.get(one.partition)) is not None
                else {}
            )
            for one in source.manifest.ranges
        ],
    }


def _lines(document: dict[str, Any], seconds: float, *, check: bool) -> list[str]:
    parts = document["partitions"]
    records = sum(one["counting"] for one in parts)
    if check:
        return [
            f"the export is whole: {records:,} records of {len(parts)} partitions of ledger "
            f"{document['ledger_id']}, in {seconds:.1f} s"
        ]
    appended = sum(one["appended"] for one in parts)
    found = sum(one["found"] for one in parts)
    void = sum(one["filled"] for one in parts)
    return [
        f"ledger {document['ledger_id']} is there: {records:,} records of {len(parts)} partitions "
        f"in {seconds:.1f} s ({appended:,} appended, {void:,} holes filled, {found:,} offsets were "
        "there before). Instances may be started now"
    ]
