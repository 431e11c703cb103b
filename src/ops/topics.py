"""`stockledger topics`: make the topics, check what they are set to, raise the log's level."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings, open_log, open_snapshots
from ledger.config.publishing import alerts_topic, levels_topic, open_alerts, open_levels
from ledger.presence import exists
from ops.console import CommandError, ExitCode, print_document, stderr, stdout
from ops.data_dir import prepare_data_dir
from ops.faults import explain

if TYPE_CHECKING:
    from ops.level import Raised


def topics(
    settings: Settings,
    *,
    create: Annotated[
        bool, typer.Option("--create", help="Make topics that are missing; without it, only check.")
    ] = False,
    level: Annotated[
        int | None,
        typer.Option(
            "--raise-level",
            min=1,
            metavar="N",
            help="Raise the log to this level of events, once every instance can read it.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Check the log's topics, make them, or raise the log's level.

    Exit codes: 0 good; 1 a topic would lose history, or a partition could not be raised; 2 used
    wrongly, for example a level that this version cannot read; 3 Kafka does not answer, or not in
    time: run it again.
    """
    if level is not None:
        if create:
            raise CommandError("--create and --raise-level are two commands")
        _raise(settings, level, as_json=as_json)
        return
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


def _raise(settings: Settings, level: int, *, as_json: bool) -> None:
    # It brings all that writes.
    from ops.level import raise_level

    try:
        raised = asyncio.run(raise_level(settings, level))
    except Exception as error:
        raise explain(error, settings) or error from error
    if as_json:
        print_document({"level": level, "partitions": [one._asdict() for one in raised]})
    else:
        for one in raised:
            _say(one, level)
    code = max(one.code for one in raised)
    if code != ExitCode.GOOD:
        raise typer.Exit(code)


def _say(one: "Raised", level: int) -> None:
    if one.offset is not None:
        stdout().print(f"partition {one.partition}: level {level} from offset {one.offset} on")
    elif one.code == ExitCode.GOOD:
        stdout().print(f"partition {one.partition}: {one.detail}", markup=False)
    else:
        stderr().print(f"wrong: partition {one.partition}: {one.detail}", markup=False)


async def _check(settings: Settings, create: bool) -> list[str]:
    if settings.kafka_bootstrap is None:
        if not create and not exists(settings.log_path):
            return [f"{settings.log_path} does not exist yet; --create or serve makes it"]
        if create:
            prepare_data_dir(settings)
    log = open_log(settings, create=create)
    try:
        if create:
            await log.open()
            snapshots = open_snapshots(settings)
            await snapshots.open()
            await snapshots.close()
        return await log.check() + await _check_published(settings, create)
    finally:
        # What failed before is what matters.
        with suppress(Exception):
            await log.close()


def _published_topics(settings: Settings) -> list[str]:
    """The topics that publishers write, if these settings ask for them."""
    if settings.kafka_bootstrap is None or "publisher" not in settings.roles:
        return []
    return [levels_topic(settings), alerts_topic(settings)]


async def _check_published(settings: Settings, create: bool) -> list[str]:
    if not _published_topics(settings):
        return []
    wrong: list[str] = []
    for topic in (open_levels(settings, create=create), open_alerts(settings, create=create)):
        assert topic is not None
        try:
            if create:
                await topic.open()
            wrong += await topic.check()
        finally:
            with suppress(Exception):
                await topic.close()
    return wrong


def _document(settings: Settings, wrong: list[str]) -> dict[str, Any]:
    on_kafka = settings.kafka_bootstrap is not None
    return {
        "log": settings.movements_topic if on_kafka else str(settings.log_path),
        "kind": "kafka" if on_kafka else "sqlite",
        "partitions": settings.partitions,
        "published": _published_topics(settings),
        "wrong": wrong,
    }


def _lines(settings: Settings, wrong: list[str]) -> list[str]:
    state = "wrong" if wrong else "good"
    if settings.kafka_bootstrap is None:
        return [
            f"{settings.log_path}: the log is this SQLite file, {settings.partitions} partitions: "
            f"{state}. There are no topics without kafka_bootstrap."
        ]
    names = (settings.movements_topic, *_published_topics(settings))
    return [f"{', '.join(names)}: {settings.partitions} partitions: {state}"]
