"""`stockledger reconcile`: a statement of another system against the ledger."""

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.config import Settings
from ledger.presence import is_file
from ops.console import CommandError, ExitCode, print_document, stderr, stdout
from ops.load import PATIENCE_SECONDS_DEFAULT, URL_DEFAULT
from ops.reading import read_key
from ops.views import read_views
from ops.whole_files import refuse_same

if TYPE_CHECKING:
    from ops.reconciling.applying import Applied
    from ops.reconciling.compare import Tolerance
    from ops.reconciling.reconcile import Order, Outcome
    from projections.database import Database

SHOWN_DEFAULT = 50
_Option = typer.Option


def reconcile(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    file: Annotated[
        Path,
        typer.Argument(
            help="The statement: CSV, NDJSON (both also .gz) or Parquet.", show_default=False
        ),
    ],
    *,
    mapping: Annotated[Path, _Option(help="TOML: which columns say what.", show_default=False)],
    as_of: Annotated[
        str | None,
        _Option(metavar="INSTANT", help="When the statement holds. [now]", show_default=False),
    ] = None,
    as_of_position: Annotated[
        str | None,
        _Option(metavar="P:O,…", help="Up to which records it holds, instead.", show_default=False),
    ] = None,
    min_position: Annotated[
        str | None,
        _Option(metavar="P:O,…", help="Wait until the views show these.", show_default=False),
    ] = None,
    tolerance: Annotated[
        str, _Option(help="How far quantities may be apart, in the SKU's unit.")
    ] = "0",
    reason: Annotated[
        str | None,
        _Option(help="Reason of all adjustments. [found or lost]", show_default=False),
    ] = None,
    csv: Annotated[
        Path | None, _Option(help="Write every key and line there.", show_default=False)
    ] = None,
    show: Annotated[int, _Option(min=0, help="Differences to show.")] = SHOWN_DEFAULT,
    apply: Annotated[bool, _Option("--apply", help="Ask, then adjust the ledger.")] = False,
    yes: Annotated[bool, _Option("--yes", help="Adjust the ledger without asking.")] = False,
    url: Annotated[str, _Option(help="The running server that adjusts.")] = URL_DEFAULT,
    api_key_file: Annotated[
        Path | None, _Option(help="File that holds the API key.", show_default=False)
    ] = None,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Compare a statement of stock with the ledger at the moment it speaks of.

    What differs is shown with the adjustment that would set it right, and applied only with --apply
    and a yes, or with --yes. Applied twice, it counts once.

    Exit codes: 0 all is equal, or everything that differed was adjusted; 1 something differs or
    cannot be read; 2 used wrongly; 3 the database or the server does not answer, or the disk is
    full.
    """
    for given in (file, mapping, api_key_file):
        refuse_same("--csv", csv, given)
    asked = _Asked(file, mapping, as_of, as_of_position, tolerance, reason)
    order = _order(settings, asked)
    outcome = _compare(settings, order, min_position)
    if csv is not None:
        from ops.reconciling.report import write_csv

        write_csv(csv, outcome)
    if not as_json:
        from ops.reconciling.report import show as show_outcome

        show_outcome(stdout(), order, outcome, show)
    applied = None
    if (apply or yes) and outcome.adjustments and (yes or _confirmed(outcome, url)):
        server = _Server(url.rstrip("/"), read_key(api_key_file))
        applied = asyncio.run(_apply(order, outcome, server))
    _tell(order, outcome, applied, as_json=as_json)
    if not _is_good(outcome, applied):
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _compare(settings: Settings, order: "Order", min_position: str | None) -> "Outcome":
    wanted = dict(order.positions or {})
    for partition, offset in (
        _positions(min_position, "--min-position", highest=True) or {}
    ).items():
        wanted[partition] = max(offset, wanted.get(partition, 0))
    seconds = settings.view_wait_seconds
    return read_views(settings, lambda database: _read(database, order, wanted, seconds))


@dataclass(frozen=True)
class _Asked:
    """What the command was given about the statement."""

    file: Path
    mapping: Path
    as_of: str | None
    as_of_position: str | None
    tolerance: str
    reason: str | None


@dataclass(frozen=True)
class _Server:
    """Where adjustments go."""

    url: str
    key: str | None


def _order(settings: Settings, asked: _Asked) -> "Order":
    from ledger.domain.stock import AVAILABLE
    from ops.loading.rows import file_format, identity, open_rows
    from ops.reconciling.proposals import Policy, statement_id
    from ops.reconciling.reconcile import Order
    from ops.reconciling.statement import Reader, read_statement_mapping

    if not is_file(asked.file):
        raise CommandError(f"there is no file {asked.file}")
    as_of_us, positions = _moment(asked)
    spec = read_statement_mapping(asked.mapping)
    kind = spec.source.format or file_format(asked.file)
    content = identity(asked.file)
    with open_rows(asked.file, kind, spec.source.encoding, spec.source.delimiter) as source:
        statement = Reader(spec, source.columns, content).read(source.rows)
    if not statement.lines and not statement.unreadable:
        # To take it as it is would mean that nothing is in stock any more.
        raise CommandError(f"{asked.file}: there is no line of stock in it")
    terms = spec.statement
    moment = _moment_text(as_of_us, positions)
    policy = Policy(
        statement_id(content, moment),
        spec.level.is_finest,
        terms.spread,
        terms.place or (terms.within[0] if len(terms.within) == 1 else None),
        terms.statuses[0] if len(terms.statuses) == 1 else AVAILABLE,
        _reason(asked.reason),
        moment if as_of_us is not None else None,
    )
    return Order(
        statement, terms, spec.level, policy, _tolerance(asked.tolerance), settings.scale_default,
        as_of_us, positions,
    )  # fmt: skip


def _moment(asked: _Asked) -> tuple[int | None, Mapping[int, int] | None]:
    """The instant in microseconds, or the last offset of each partition; neither means now."""
    from ledger.domain.codes import instant

    if asked.as_of is not None and asked.as_of_position is not None:
        raise CommandError("a statement holds --as-of an instant or --as-of-position, not both")
    if asked.as_of is None:
        return None, _positions(asked.as_of_position, "--as-of-position")
    found = instant(asked.as_of)
    if not isinstance(found, int):
        raise CommandError(f"--as-of: {found.detail}")
    if found > time.time_ns() // 1_000:
        raise CommandError("--as-of: that has not come yet")
    return found, None


def _positions(text: str | None, flag: str, *, highest: bool = False) -> dict[int, int] | None:
    from projections.positions import InvalidPosition, parse_positions

    try:
        return None if text is None else parse_positions(text, highest=highest)
    except InvalidPosition as error:
        raise CommandError(f"{flag}: {error}") from None


def _moment_text(as_of_us: int | None, positions: Mapping[int, int] | None) -> str:
    from ledger.domain.codes import instant_text

    if as_of_us is not None:
        return instant_text(as_of_us)
    return ",".join(f"{one}:{offset}" for one, offset in sorted((positions or {}).items()))


def _reason(reason: str | None) -> str | None:
    from ledger.domain.codes import REASONS, wrong_reason

    if reason is not None and reason not in REASONS:
        raise CommandError(f"--reason: {wrong_reason().detail}")
    return reason


def _tolerance(number: str) -> "Tolerance":
    from ledger.domain.quantities import COST_SCALE, parse
    from ops.reconciling.compare import Tolerance

    parsed = parse(number, COST_SCALE)
    if not isinstance(parsed, tuple) or parsed[0] < 0:
        raise CommandError("--tolerance: expected a number such as 0.5, not below zero")
    return Tolerance(parsed[0])


async def _read(
    database: "Database", order: "Order", wanted: Mapping[int, int], wait_seconds: float
) -> "Outcome":
    from ops.reconciling.reconcile import reconcile as compared
    from projections.identity import views_ledger_ids
    from projections.positions import Positions, ViewLagging

    try:
        await Positions(database).wait_for(wanted, wait_seconds)
    except ViewLagging as lag:
        raise CommandError(f"the views have not read that far: {lag}") from None
    async with database.reader() as reader:
        if len(await views_ledger_ids(reader)) != 1:
            raise CommandError("the views have read nothing yet; serve once", ExitCode.FOUND_WRONG)
        return await compared(reader, order)


def _confirmed(outcome: "Outcome", url: str) -> bool:
    count = sum(map(len, outcome.adjustments.values()))
    if not sys.stdin.isatty():
        raise CommandError("there is nobody to ask; give --yes to adjust without asking")
    return typer.confirm(f"Record {count:,} adjustments at {url}?", err=True)


async def _apply(order: "Order", outcome: "Outcome", server: _Server) -> "list[Applied]":
    from ops.loading.client import BulkClient
    from ops.reconciling.applying import apply

    def wait(why: str) -> None:
        stderr().print(f"waiting: {why}", markup=False)

    wanted = [one for some in outcome.adjustments.values() for one in some]

    class Reconciling(BulkClient):
        user_agent = "stockledger-reconcile/1"

    client = Reconciling(server.url, server.key, PATIENCE_SECONDS_DEFAULT, wait)
    try:
        return await apply(
            client, wanted, order.policy, outcome.witness,
            lambda count: stderr().print(f"{count:,} of {len(wanted):,} sent", markup=False),
        )  # fmt: skip
    finally:
        await client.close()


def _is_good(outcome: "Outcome", applied: "list[Applied] | None") -> bool:
    """Whether nothing is left that differs."""
    if outcome.unreadable or outcome.unproposed:
        return False
    if not outcome.adjustments:
        return True
    return applied is not None and all(one.result.is_good for one in applied)


def _tell(
    order: "Order", outcome: "Outcome", applied: "list[Applied] | None", *, as_json: bool
) -> None:
    if as_json:
        from ops.reconciling.report import document

        print_document(document(order, outcome, applied))
        return
    from ops.reconciling.report import show_applied

    show_applied(stdout(), outcome, applied)
