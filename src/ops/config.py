"""`stockledger config`: what the settings are after flags, environment and `.env`."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from ledger.config import ENV_PREFIX, Settings, open_log
from ledger.presence import is_file
from ops.console import CommandError, ExitCode, print_document, stderr, stdout
from ops.data_dir import check_data_dir, wrong_keys_file
from ops.faults import explain
from ops.logging import MASK, mask_text
from ops.options import warn_of_unknown
from ops.tables import Table
from ops.unknown_names import unknown_names

DATABASE_TIMEOUT_SECONDS = 10.0


def show_config(
    settings: Settings,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Also try directory, files, log and database.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Show the effective settings, secrets masked. Exit code 1 if --check finds something wrong."""
    wrong = []
    if check:
        wrong = _violations(settings)
    else:
        warn_of_unknown()
    effective = masked(settings)
    if as_json:
        document: dict[str, Any] = {"settings": effective}
        if check:
            document["wrong"] = wrong
        print_document(document)
    else:
        table = Table("setting", "value", "variable", box=None, pad_edge=False)
        for name, value in effective.items():
            table.add_row(name, "" if value is None else str(value), f"{ENV_PREFIX}{name.upper()}")
        stdout().print(table)
        for sentence in wrong:
            stderr().print(f"wrong: {sentence}", markup=False)
    if wrong:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def masked(settings: Settings) -> dict[str, Any]:
    """The settings as JSON values, passwords hidden."""
    shown = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            secret = value.get_secret_value()
            # Of a URL only the password is secret.
            shown[name] = mask_text(secret) if name.endswith("_url") else MASK
        elif isinstance(value, frozenset):
            shown[name] = ",".join(sorted(value))
        else:
            plain = value is None or isinstance(value, bool | int | float)
            shown[name] = value if plain else str(value)
    return shown


def _violations(settings: Settings) -> list[str]:
    wrong = [str(one) for one in unknown_names()]
    try:
        check_data_dir(settings)
    except CommandError as error:
        wrong.append(str(error))
    for name in ("kafka_ssl_cafile", "api_keys_file"):
        path = getattr(settings, name)
        try:
            if path is not None and not is_file(path):
                wrong.append(f"{name}: there is no file {path}")
        except OSError as error:
            wrong.append(f"{name}: {path}: {error.strerror or error}")
    if (sentence := wrong_keys_file(settings)) is not None:
        wrong.append(sentence)
    wrong += _wrong_parameters(settings)
    # A file that is missing would be the cause of whatever else fails.
    return wrong or asyncio.run(_try_servers(settings))


def _wrong_parameters(settings: Settings) -> list[str]:
    if settings.planning_parameters is None:
        return []
    from api.planning import scheduled_request
    from projections.planning.parameters import InvalidParameters

    try:
        scheduled_request(settings)
    except InvalidParameters as error:
        return [str(error)]
    return []


async def _try_servers(settings: Settings) -> list[str]:
    wrong = []
    for attempt in (_try_log, _try_database):
        try:
            wrong += await attempt(settings)
        except Exception as error:
            explained = explain(error, settings)
            if explained is None:
                raise
            wrong.append(str(explained))
    return wrong


async def _try_log(settings: Settings) -> list[str]:
    if settings.kafka_bootstrap is None:
        return []
    log = open_log(settings, create=False)
    try:
        return await log.check()
    finally:
        with suppress(Exception):
            await log.close()


async def _try_database(settings: Settings) -> list[str]:
    if settings.database_url is None:
        return []
    from sqlalchemy import text

    from projections.database import parse_url
    from projections.engines import new_engine

    engine = new_engine(parse_url(settings.views_url))
    try:
        async with asyncio.timeout(DATABASE_TIMEOUT_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    finally:
        await engine.dispose()
    return []
