"""`stockledger explain`: why the stock of a SKU is what it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.config import Settings
from ops.console import CommandError, ExitCode, print_document, stdout
from ops.moments import (
    Asked,
    AsKnownAt,
    AsOf,
    AsOfPosition,
    ask,
    check_partition,
    moment_of,
)
from ops.reading import get_document, read_key
from ops.views import read_views

if TYPE_CHECKING:
    from projections.database import Database

_Option = typer.Option


def explain_stock(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    *,
    sku: Annotated[str, typer.Argument(help="The SKU.", show_default=False)],
    location: Annotated[
        str | None, _Option(help="This location and below.", show_default=False)
    ] = None,
    lot: Annotated[str | None, _Option(help="This lot.", show_default=False)] = None,
    status: Annotated[str | None, _Option(help="This status.", show_default=False)] = None,
    account: Annotated[
        str | None,
        _Option(help="A virtual account instead, such as @customer.", show_default=False),
    ] = None,
    occurred: AsOf = None,
    known: AsKnownAt = None,
    position: AsOfPosition = None,
    oldest: Annotated[bool, _Option("--oldest", help="The oldest records first.")] = False,
    attempts: Annotated[
        bool, _Option(help="Also what was refused, and records that do not count.")
    ] = True,
    limit: Annotated[int, _Option(min=1, max=1000, help="Records a page.")] = 100,
    cursor: Annotated[
        str | None, _Option(help="Where the page before ended.", show_default=False)
    ] = None,
    url: Annotated[
        str | None, _Option(help="Ask this server, not the database.", show_default=False)
    ] = None,
    api_key_file: Annotated[
        Path | None, _Option(help="File that holds the API key.", show_default=False)
    ] = None,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Explain why the stock of a SKU is what it is: what came and went, by whom, what was refused.

    With --as-of, --as-known-at or --as-of-position it is why it was what it was at that moment. It
    is read from the views' database of the settings, or from a running server (--url).

    Exit codes: 0 explained; 1 the SKU was never seen, there are no views, or the movements do not
    add up to the stock; 2 used wrongly; 3 the database or the server does not answer.
    """
    given = {"location": location, "lot": lot, "status": status, "account": account}
    asked = ask(occurred, known, position)
    query = {name: value for name, value in given.items() if value is not None}
    query |= {"order": "oldest" if oldest else "newest", "limit": str(limit)}
    query |= {"attempts": "true" if attempts else "false"}
    query |= {} if cursor is None else {"cursor": cursor}
    if url is None:
        document = _from_views(settings, sku, query, asked)
    else:
        key = read_key(api_key_file)
        moment = {"as_of": occurred, "as_known_at": known, "as_of_position": position}
        query |= {name: value for name, value in moment.items() if value is not None}
        document = get_document(url, "/v1/stock-explain", {"sku": sku, **query}, key)
    if as_json:
        print_document(document)
    else:
        from ops.explain_report import show_explanation

        show_explanation(stdout(), document)
    if document["summary"] is not None and document["summary"]["agrees"] is False:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _from_views(
    settings: Settings, sku: str, query: Mapping[str, str], asked: Asked
) -> dict[str, Any]:
    from api.problems import Problem
    from api.queries import checked_sku
    from api.routes.stock_explain import read_scope, read_wanted
    from projections.cursors import InvalidCursor
    from projections.explaining.explain import explain

    try:
        scope, wanted = read_scope(dict(query), checked_sku(sku)), read_wanted(dict(query))

        async def find(database: "Database") -> dict[str, Any] | None:
            async with database.reader() as reader:
                if not asked.anything:
                    return await explain(reader, scope, wanted)
                moment = await moment_of(reader, asked)
                return await explain(reader, scope, wanted._replace(moment=moment))

        found = read_views(settings, find)
    except (Problem, InvalidCursor) as error:
        raise CommandError(str(error)) from None
    if found is None:
        raise CommandError(f"the SKU {sku} was never seen", ExitCode.FOUND_WRONG)
    for partition in found["as_of_position"]:
        check_partition(asked, sku, int(partition))
    return found
