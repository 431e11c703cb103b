"""`stockledger doctor`: look at everything a server needs, and say what to do."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.config import Settings
from ops.console import ExitCode, print_document, stdout
from ops.faults import explain

if TYPE_CHECKING:
    from ops.health.finding import Finding


def doctor(
    settings: Settings,
    *,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="A warning is bad, too: for a ledger that must be there."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Look at settings, machine, log, topics, clocks, views and port. Nothing is made or changed.

    Exit codes: 0 nothing is bad, though there may be warnings: where there is no log yet, serve
    will make it; 1 something is bad, or with --strict a warning; 2 used wrongly; 3 nothing is bad,
    but the brokers or the database do not answer.
    """
    from ops.health.finding import State

    try:
        findings = asyncio.run(_examine(settings))
    except Exception as error:
        raise explain(error, settings) or error from error
    states = {finding.state for finding in findings}
    if as_json:
        shown = [finding._asdict() for finding in findings]
        print_document(
            {
                "healthy": not states & {State.BAD, State.AWAY},
                "warnings": sum(one.state == State.WARN for one in findings),
                "findings": shown,
            }
        )
    else:
        for finding in findings:
            stdout().print(_line(finding), markup=False)
    if State.BAD in states:
        raise typer.Exit(ExitCode.FOUND_WRONG)
    if State.AWAY in states:
        raise typer.Exit(ExitCode.UNAVAILABLE)
    if strict and State.WARN in states:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _line(finding: "Finding") -> str:
    then = "" if finding.advice is None else f"\n      -> {finding.advice}"
    return f"{finding.state:<4}  {finding.check}: {finding.text}{then}"


async def _examine(settings: Settings) -> "list[Finding]":
    from ops.health import machine, stores
    from ops.health.server import check_server

    findings: list[Finding] = []
    for check in (
        machine.check_settings, machine.check_python, machine.check_disk, machine.check_files,
        machine.check_keys, machine.check_secret, check_server,
    ):  # fmt: skip
        findings += check(settings)
    async with AsyncExitStack() as stack:
        found, log = await stores.check_log(settings, stack)
        findings += found
        for more in (
            stores.check_topics(settings),
            stores.check_clock(settings),
            stores.check_views(settings, log),
        ):
            findings += [finding async for finding in more]
    return findings
