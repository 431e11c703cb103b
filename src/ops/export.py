"""`stockledger export`: a range of the log as files."""

import asyncio
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ledger.config import Settings
from ops.console import print_document, stderr, stdout
from ops.existing_log import check_log_file, existing_log
from ops.faults import explain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.exporting.export import Order
    from ops.exporting.manifest import Manifest

BOUND_HELP = "an instant of recording (2026-11-22T10:00:00Z) or positions (3:17,4:2), included."


def export(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    folder: Annotated[Path, typer.Argument(help="A new folder.", show_default=False)],
    *,
    encoding: Annotated[
        Literal["ndjson", "csv", "parquet"],
        typer.Option("--format", help="ndjson: the log itself; csv, parquet: movements as rows."),
    ] = "ndjson",
    first: Annotated[
        str | None, typer.Option("--from", help=f"Begin at {BOUND_HELP}", show_default=False)
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help=f"End with {BOUND_HELP}", show_default=False)
    ] = None,
    partition: Annotated[
        list[int] | None, typer.Option(help="Only this one; again for more.", show_default=False)
    ] = None,
    sku: Annotated[str | None, typer.Option(help="Only of this SKU.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The manifest on stdout.")] = False,
) -> None:
    """Write the log, or a part of it, as files that are the same each time.

    `ndjson` carries every record as it is: a full export can be imported elsewhere. `csv` and
    `parquet` have movements as flat rows, for people who analyse them. Servers may go on meanwhile:
    each partition is exported up to where it ended at the start.

    Exit codes: 0 written; 1 the log is damaged; 2 used wrongly, for example a position beyond the
    end, or a folder that cannot be made; 3 the log does not answer, or the disk is full. Nothing is
    left but a whole export.
    """
    from ops.exporting.bounds import parse_bound, refuse_reversed
    from ops.exporting.export import Order

    check_log_file(settings)
    order = Order(
        folder=folder,
        encoding=encoding,
        first=None if first is None else parse_bound("--from", first),
        last=None if last is None else parse_bound("--to", last),
        partitions=sorted({*(partition or ())}),
        sku=sku,
    )
    refuse_reversed(order.first, order.last)
    began = time.monotonic()
    try:
        with progress_bar("records") as progress:
            manifest = asyncio.run(_export(settings, order, progress))
    except Exception as error:
        raise explain(error, settings) or error from error
    if as_json:
        print_document(manifest)
        return
    stdout().print(_summary(folder, manifest, time.monotonic() - began), markup=False)


async def _export(
    settings: Settings, order: "Order", progress: Callable[[int, int], None]
) -> "Manifest":
    from ops.exporting.export import export as write

    async with existing_log(settings) as log:
        return await write(log, order, progress)


def _summary(folder: Path, manifest: "Manifest", seconds: float) -> str:
    rows = sum(one.rows for one in manifest.ranges)
    size = sum(one.bytes for one in manifest.files)
    what = "records" if manifest.contents == "log" else "movements"
    use = "can be imported" if manifest.complete else f"cannot be imported: {_why_not(manifest)}"
    return (
        f"{folder}: {rows:,} {what} of {len(manifest.ranges)} partitions, {size:,} bytes in "
        f"{seconds:.1f} s; it {use}"
    )


def _why_not(manifest: "Manifest") -> str:
    unopened = [one.partition for one in manifest.ranges if not one.until_offset]
    if unopened and manifest.contents == "log" and len(manifest.ranges) == manifest.partitions:
        return f"partition {unopened[0]} was not opened by then"
    return "it is not a whole log"


@contextmanager
def progress_bar(what: str) -> "Iterator[Callable[[int, int], None]]":
    """A bar on stderr: tell it how many there are done, and in all."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr()) as bar:
        task = bar.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell
