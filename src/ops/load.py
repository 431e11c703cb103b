"""`stockledger load`: a file of another system, as movements, into a running ledger."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from ledger.presence import is_file
from ops.console import CommandError, ExitCode, print_document, stderr, stdout
from ops.loading.checkpoint import Counts, checkpoint_path
from ops.loading.rows import Source, file_format, identity, open_rows
from ops.reading import check_url, read_key
from ops.whole_files import refuse_same

if TYPE_CHECKING:
    from ops.loading.load import Load

URL_DEFAULT = "http://127.0.0.1:8000"
BATCH_ITEMS_MAX = 10_000
PATIENCE_SECONDS_DEFAULT = 300.0


def load(  # noqa: PLR0913 - each is a flag
    file: Annotated[
        Path, typer.Argument(help="CSV, NDJSON (both also .gz) or Parquet.", show_default=False)
    ],
    *,
    mapping: Annotated[
        Path, typer.Option(help="TOML: which columns make which movement.", show_default=False)
    ],
    url: Annotated[str, typer.Option(help="The running server.")] = URL_DEFAULT,
    api_key_file: Annotated[
        Path | None, typer.Option(help="File that holds the API key.", show_default=False)
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            help="NDJSON of refused lines. [FILE.rejects.ndjson in the working directory]",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=BATCH_ITEMS_MAX, help="Items a request.")] = 1000,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds without progress before giving up.")
    ] = PATIENCE_SECONDS_DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Load a file. Run it again after any interruption: nothing is counted twice.

    Without an id template in the mapping, ids come from the content of the whole file and the line.
    A file that grows has another content each time: it needs a template, else all its lines would
    count again.

    Exit codes: 0 everything counts; 1 some lines were refused (they are in the rejects file);
    2 used wrongly, for example a mapping that does not fit; 3 the server did not answer.
    """
    check_url(url)
    if not is_file(file):
        raise CommandError(f"there is no file {file}")
    order = Order(
        file=file,
        mapping=mapping,
        url=url.rstrip("/"),
        key=read_key(api_key_file),
        rejects=rejects or Path(f"{file.name}.rejects.ndjson"),
        batch_items=batch,
        patience_seconds=patience,
    )
    for given in (file, mapping, api_key_file):
        refuse_same("--rejects", order.rejects, given)
    document = _load(order)
    refused = sum(document["refused"].values())
    document["rejects"] = str(order.rejects) if refused else None
    if as_json:
        print_document(document)
    else:
        for line in lines(document):
            stdout().print(line, markup=False)
    if refused:
        raise typer.Exit(ExitCode.FOUND_WRONG)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the command was given."""

    file: Path
    mapping: Path
    url: str
    key: str | None
    rejects: Path
    batch_items: int
    patience_seconds: float


def _load(order: Order) -> dict[str, Any]:
    from ops.loading.load import Load, Plan, summary
    from ops.loading.mapping import compile_mapping, read_mapping

    started_at = time.monotonic()
    spec = read_mapping(order.mapping)
    kind = spec.source.format or file_format(order.file)
    content = identity(order.file)
    kept = checkpoint_path(content, order.mapping.read_bytes(), order.url)
    with open_rows(order.file, kind, spec.source.encoding, spec.source.delimiter) as source:
        mapper = compile_mapping(spec, source.columns, content)
        plan = Plan(mapper, order.batch_items, kept, order.rejects)
        with _bar() as bar:
            task = bar.add_task(order.file.name, total=order.file.stat().st_size)
            one = Load(plan, lambda counts: _show(bar, task, counts, source))
            asyncio.run(_send(one, order, source, bar))
    return {"file": str(order.file), "sha256": content, **summary(one, started_at)}


async def _send(one: "Load", order: Order, source: Source, bar: Progress) -> None:
    from ops.loading.client import BulkClient

    def wait(why: str) -> None:
        bar.console.print(f"waiting: {why}", markup=False)

    client = BulkClient(order.url, order.key, order.patience_seconds, wait)
    try:
        await one.run(source.rows, client)
    finally:
        await client.close()


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=stderr(),
    )


def _show(bar: Progress, task: Any, counts: Counts, source: Source) -> None:
    text = f"{counts.good:,} counted, {counts.refused_total:,} refused"
    bar.update(task, completed=source.position(), description=text)


def lines(document: dict[str, Any]) -> list[str]:
    """The document for people."""
    said = [
        f"{document['records']:,} records in {document['seconds']:.1f} s: "
        f"{document['accepted']:,} accepted, {document['replayed']:,} replayed, "
        f"{sum(document['refused'].values()):,} refused, "
        f"{sum(document['skipped'].values()):,} skipped; "
        f"{document['movements_per_second']:,} movements/s"
    ]
    if resumed := document["resumed_records"]:
        said.append(f"  {resumed:,} records of these were done in an earlier run")
    said += [f"  skipped, {reason}: {count:,}" for reason, count in document["skipped"].items()]
    said += [f"  refused, {code}: {count:,}" for code, count in document["refused"].items()]
    if document["rejects"]:
        said.append(f"  refused lines: {document['rejects']}")
    return said
