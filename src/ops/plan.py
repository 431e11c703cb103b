"""`stockledger plan`: make a planning run, explain one, or make one again and compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings
from ops.console import CommandError, ExitCode, print_document, stdout
from ops.views import read_views, with_views

if TYPE_CHECKING:
    from api.schemas.planning import RunRequest
    from projections.database import Database
    from projections.planning.run_orders import Order

_Option = typer.Option


def plan(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    *,
    as_of: Annotated[
        str | None, _Option(metavar="DAY", help="The last day that counts.", show_default=False)
    ] = None,
    parameters: Annotated[
        Path | None, _Option(help="Parameters, TOML or JSON.", show_default=False)
    ] = None,
    explain_sku: Annotated[
        str | None,
        _Option(
            "--explain",
            metavar="SKU",
            help="Explain this SKU in a run instead of making one.",
            show_default=False,
        ),
    ] = None,
    site: Annotated[
        str | None, _Option(help="The site of the SKU to explain.", show_default=False)
    ] = None,
    run: Annotated[
        str | None,
        _Option(help="The run to explain; none: the newest published.", show_default=False),
    ] = None,
    repeat: Annotated[
        str | None,
        _Option(metavar="RUN", help="Make this run again and compare.", show_default=False),
    ] = None,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Make a planning run from the views, and show what came out. No server is needed.

    Exit codes: 0 the run is done; 1 it failed, another one is being made, or a repetition or an
    explanation differs; 2 the parameters are wrong; 3 the database does not answer.
    """
    if (repeat or explain_sku) is not None and (as_of is not None or parameters is not None):
        raise CommandError("--repeat and --explain take day and parameters from the run")
    if repeat is not None and explain_sku is not None:
        raise CommandError("--repeat and --explain are asked for one at a time")
    if explain_sku is None and (site or run) is not None:
        raise CommandError("--site and --run go with --explain")
    if repeat is not None:
        _repeat(settings, repeat, as_json=as_json)
    elif explain_sku is not None:
        _explain(settings, (run, explain_sku, site or ""), as_json=as_json)
    else:
        _make_and_show(settings, _request(as_of, parameters), as_json=as_json)


def _make_and_show(settings: Settings, request: "RunRequest", *, as_json: bool) -> None:
    made = with_views(settings, lambda database: _make(settings, database, request))
    if as_json:
        print_document(made)
    else:
        from ops.plan_report import show_run

        show_run(stdout(), made)
    if made["state"] != "done":
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _request(as_of: str | None, path: Path | None) -> "RunRequest":
    from api.planning import read_request
    from api.schemas.planning import check_run
    from projections.planning.parameters import InvalidParameters

    try:
        request = read_request(path)
        if as_of is not None:
            request = check_run({**request.model_dump(mode="json"), "as_of": as_of})
    except InvalidParameters as error:
        raise CommandError(str(error)) from None
    return request


async def _make(settings: Settings, database: "Database", request: "RunRequest") -> dict[str, Any]:
    from uuid6 import uuid7

    from api.planning import checked_parameters, code_version, kept_of
    from projections.identity import views_ledger_ids
    from projections.planning import runs
    from projections.planning.parameters import InvalidParameters
    from projections.planning.run_orders import Order, now_ms
    from projections.planning.run_queries import find_run
    from projections.planning.run_writer import PlanningWriter

    async with database.reader() as reader:
        ledgers = await views_ledger_ids(reader)
        if len(ledgers) != 1:
            raise CommandError("the views have read nothing yet; serve once", ExitCode.FOUND_WRONG)
        try:
            parameters = await checked_parameters(reader, request)
        except InvalidParameters as error:
            raise CommandError(str(error)) from None
    lease = runs.Lease(ledgers.pop(), str(uuid7()), str(uuid7()))
    writer = PlanningWriter(settings.views_url)
    new = runs.NewRun(
        lease=lease,
        parameters=parameters,
        origin="command",
        code_version=code_version(),
        started_ms=now_ms(),
    )
    try:
        await runs.begin(writer, new)
    finally:
        await writer.close()
    order = Order(settings.views_url, lease, parameters, kept_of(settings))
    await _made(order)
    async with database.reader() as reader:
        found = await find_run(reader, lease.run_id)
        assert found is not None
        return {**found, "summary": await _summary(reader, lease.run_id)}


async def _made(order: "Order") -> None:
    """Make the run. Raises CommandError where its parameters do not fit what there is to plan."""
    from projections.planning.errors import PlanningError
    from projections.planning.forecasting.library import ForecastExtraMissing
    from projections.planning.parameters import InvalidParameters
    from projections.planning.run_execute import first_of
    from projections.planning.run_process import make_run

    try:
        await make_run(order)
    except Exception as error:
        first = first_of(error)
        if isinstance(first, PlanningError | InvalidParameters | ForecastExtraMissing):
            detail = f"the run {order.lease.run_id} failed: {first}"
            raise CommandError(detail, ExitCode.FOUND_WRONG) from None
        if first is error:
            raise
        # Alone, as it is known to whoever says in a sentence what it means.
        raise first from error


async def _summary(reader: Any, run_id: str) -> dict[str, Any]:
    from projections.planning.run_summary import summary

    return await summary(reader, run_id)


def _repeat(settings: Settings, run_id: str, *, as_json: bool) -> None:
    async def again(database: "Database") -> dict[str, Any]:
        import msgspec

        from projections.planning.run_queries import run_row
        from projections.planning.run_repeat import repeat

        async with database.reader() as reader:
            row = await run_row(reader, run_id)
        if row is None:
            raise CommandError(f"there is no planning run {run_id}")
        if row["state"] != "done":
            raise CommandError(f"the run {run_id} is {row['state']}, not done")
        found = await repeat(database, row)
        document: dict[str, Any] = msgspec.to_builtins(found)
        return {**document, "equal": found.equal}

    document = read_views(settings, again)
    if as_json:
        print_document(document)
    else:
        from ops.plan_report import show_repeated

        show_repeated(stdout(), document)
    if not document["equal"]:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _explain(settings: Settings, what: tuple[str | None, str, str], *, as_json: bool) -> None:
    run_id, sku, site = what

    async def explained(database: "Database") -> dict[str, Any]:
        from projections.planning.run_explain import explain
        from projections.planning.run_queries import newest_run, run_row

        async with database.reader() as reader:
            run = await newest_run(reader) if run_id is None else await run_row(reader, run_id)
            if run is None or run["state"] != "done":
                raise CommandError("there is no such planning run that is done")
            if not run["results_kept"]:
                raise CommandError(f"the run {run['run_id']} is too old: its results are deleted")
            found = await explain(reader, run, sku, site)
        if found is None:
            raise CommandError(f"the run {run['run_id']} has no results of {sku} {site}".rstrip())
        return found

    document = read_views(settings, explained)
    if as_json:
        print_document(document)
    else:
        from ops.plan_report import show_explanation

        show_explanation(stdout(), document)
    if not document["agrees"]:
        raise typer.Exit(ExitCode.FOUND_WRONG)
