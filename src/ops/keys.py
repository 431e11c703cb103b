"""`stockledger keys`: make, list and revoke API keys."""

from typing import Annotated

import typer

from api.keys import ROLES_ALL, KeyRole, create_key, list_keys, revoke_key
from ledger.config import Settings
from ledger.errors import LedgerError
from ops.console import CommandError, ExitCode, print_document, stderr, stdout
from ops.options import with_settings
from ops.tables import Table

keys = typer.Typer(
    name="keys", help="Make, list and revoke API keys.", no_args_is_help=True,
    pretty_exceptions_enable=False,
)  # fmt: skip

JsonFlag = Annotated[bool, typer.Option("--json", help="One document on stdout.")]


def create(
    settings: Settings,
    *,
    name: Annotated[str, typer.Argument(help="Who will use it.", show_default=False)],
    read_only: Annotated[
        bool, typer.Option("--read-only", help="A key that may not write.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a key and print it; it is shown this once and kept nowhere."""
    roles: tuple[KeyRole, ...] = ("read",) if read_only else ROLES_ALL
    try:
        identity, token = create_key(settings.api_keys_path, name, roles)
    except (ValueError, OSError) as error:
        raise CommandError(str(error)) from None
    except LedgerError as error:
        raise CommandError(str(error), ExitCode.FOUND_WRONG) from None
    if as_json:
        print_document({"id": identity, "name": name, "roles": list(roles), "key": token})
        return
    stderr().print(f"key {identity} for {name}, hashed in {settings.api_keys_path}", markup=False)
    stdout().print(token, markup=False)


def show(settings: Settings, *, as_json: JsonFlag = False) -> None:
    """List the keys; what they open with is not known any more."""
    try:
        found = list_keys(settings.api_keys_path)
    except LedgerError as error:
        raise CommandError(str(error), ExitCode.FOUND_WRONG) from None
    if as_json:
        print_document(
            [
                {"id": key.id, "name": key.name, "roles": list(key.roles), "created": key.created}
                for key in found
            ]
        )
        return
    table = Table("id", "name", "roles", "created", box=None, pad_edge=False)
    for key in found:
        table.add_row(key.id, key.name, ",".join(key.roles), key.created)
    stdout().print(table)


def revoke(
    settings: Settings,
    *,
    identity: Annotated[str, typer.Argument(metavar="ID", help="As listed.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Revoke a key; running servers refuse it within a second. Exit code 1 if there is none."""
    try:
        key = revoke_key(settings.api_keys_path, identity)
    except OSError as error:
        raise CommandError(str(error)) from None
    except LedgerError as error:
        raise CommandError(str(error), ExitCode.FOUND_WRONG) from None
    if as_json:
        print_document({"id": key.id, "name": key.name, "revoked": True})
        return
    stdout().print(f"revoked {key.id} ({key.name})", markup=False)


keys.command("create")(with_settings(create))
keys.command("list")(with_settings(show))
keys.command("revoke")(with_settings(revoke))
