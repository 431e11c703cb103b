"""`stockledger topics`: make the topics and check what they are set to."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import typer

from ledger.config import Settings, open_log, open_snapshots
from ops.console import ExitCode, print_document, stderr, stdout
from ops.data_dir import prepare_data_dir
from ops.faults import explain


def topics(
    settings: Settings,
    *,
    create: Annotated[
        bool, typer.Option("--create", help="Make topics that are missing; without it, only check.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Check the log's topics, or make them. Exit code 1 if one would lose history."""
    try:
        wrong = asyncio.run(_check(settings, create))
    except Exception as error:
        raise explain(error, settings) or error from error
    if as_json:
        print_document(_document(settings, wrong))
    else:
        for line in _lines(settings, wrong):
            stdout().print(line, markup=False)
        for sentence in wrong:
            stderr().print(f"wrong: {sentence}", markup=False)
    if wrong:
        raise typer.Exit(ExitCode.FOUND_WRONG)


async def _check(settings: Settings, create: bool) -> list[str]:
    if settings.kafka_bootstrap is None:
        if not create and not settings.log_path.exists():
            return [f"{settings.log_path} does not exist yet; --create or serve makes it"]
        prepare_data_dir(settings)
    log = open_log(settings, create=create)
    try:
        if create:
            await log.open()
            snapshots = open_snapshots(settings)
            await snapshots.open()
            await snapshots.close()
        return await log.check()
    finally:
        # What failed before is what matters.
        with suppress(Exception):
            await log.close()


def _document(settings: Settings, wrong: list[str]) -> dict[str, Any]:
    on_kafka = settings.kafka_bootstrap is not None
    return {
        "log": settings.movements_topic if on_kafka else str(settings.log_path),
        "kind": "kafka" if on_kafka else "sqlite",
        "partitions": settings.partitions,
        "wrong": wrong,
    }


def _lines(settings: Settings, wrong: list[str]) -> list[str]:
    state = "wrong" if wrong else "good"
    if settings.kafka_bootstrap is None:
        return [
            f"{settings.log_path}: the log is this SQLite file, {settings.partitions} partitions: "
            f"{state}. There are no topics without kafka_bootstrap."
        ]
    return [f"{settings.movements_topic}: {settings.partitions} partitions: {state}"]
