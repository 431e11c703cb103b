"""`stockledger migrate`: bring the views' tables up to date, apart from serving."""

import asyncio
from typing import Annotated

import typer

from ledger.config import Settings
from ops.console import print_document, stdout
from ops.data_dir import prepare_views_dir
from ops.faults import explain
from ops.logging import mask_text


def migrate(
    settings: Settings,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Bring the views' tables up to date. The log itself never needs a migration."""
    prepare_views_dir(settings)
    from projections.migrate import upgrade

    try:
        asyncio.run(upgrade(settings.views_url))
    except Exception as error:
        raise explain(error, settings) or error from error
    where = mask_text(settings.views_url)
    if as_json:
        print_document({"database": where, "up_to_date": True})
    else:
        stdout().print(f"{where}: up to date", markup=False)
