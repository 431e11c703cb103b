"""`stockledger doctor`: look at everything a server needs, and say what to do."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.config import Settings
from ops.console import ExitCode, print_document, stdout
from ops.faults import explain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

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
    code = _code(findings, strict=strict)
    if as_json:
        shown = [finding._asdict() for finding in findings]
        print_document(
            {
                "healthy": code == ExitCode.GOOD,
                "strict": strict,
                "warnings": sum(one.state == State.WARN for one in findings),
                "findings": shown,
            }
        )
    else:
        for finding in findings:
            stdout().print(_line(finding), markup=False)
    if code:
        raise typer.Exit(code)


def _code(findings: "list[Finding]", *, strict: bool) -> ExitCode:
    from ops.health.finding import State

    states = {finding.state for finding in findings}
    if State.BAD in states:
        return ExitCode.FOUND_WRONG
    if State.AWAY in states:
        return ExitCode.UNAVAILABLE
    return ExitCode.FOUND_WRONG if strict and State.WARN in states else ExitCode.GOOD


def _line(finding: "Finding") -> str:
    then = "" if finding.advice is None else f"\n      -> {finding.advice}"
    return f"{finding.state:<4}  {finding.check}: {finding.text}{then}"


async def _examine(settings: Settings) -> "list[Finding]":
    from ops.health import machine, stores
    from ops.health.server import check_server

    findings: list[Finding] = []
    for name, check in (
        ("settings", machine.check_settings), ("python", machine.check_python),
        ("disk", machine.check_disk), ("open files", machine.check_files),
        ("keys", machine.check_keys), ("cluster secret", machine.check_secret),
        ("port", check_server),
    ):  # fmt: skip
        findings += _found(name, check, settings)
    async with AsyncExitStack() as stack:
        found, log = await stores.check_log(settings, stack)
        findings += found
        for name, more in (
            ("topics", stores.check_topics(settings)),
            ("clock", stores.check_clock(settings)),
            ("database", stores.check_views(settings, log)),
        ):
            findings += await _found_by(name, more)
    return findings


def _found(
    name: str, check: "Callable[[Settings], Iterable[Finding]]", settings: Settings
) -> "list[Finding]":
    """What a check finds, and what the system refused to it: then the others go on."""
    from ops.health.paths import refused

    findings: list[Finding] = []
    try:
        findings.extend(check(settings))
    except OSError as error:
        findings.append(refused(name, error))
    return findings


async def _found_by(name: str, check: "AsyncIterator[Finding]") -> "list[Finding]":
    """As `_found`, of a check that waits."""
    from ops.health.paths import refused

    findings: list[Finding] = []
    try:
        async for finding in check:
            findings.append(finding)  # noqa: PERF401 - they stay where it raises
    except OSError as error:
        findings.append(refused(name, error))
    return findings
