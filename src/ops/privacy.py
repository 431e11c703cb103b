"""`stockledger privacy`: encrypt texts for commands, open them, and make them unreadable."""

import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from ledger.config import Settings
from ledger.errors import LedgerError
from ops.console import CommandError, ExitCode, print_document, stderr, stdout
from ops.options import with_settings

privacy = typer.Typer(
    name="privacy", help="Texts that may have to be forgotten: encrypt, open, erase.",
    no_args_is_help=True, pretty_exceptions_enable=False,
)  # fmt: skip

JsonFlag = Annotated[bool, typer.Option("--json", help="One document on stdout.")]
_Answer = TypeVar("_Answer")


def protect(
    settings: Settings,
    *,
    subject: Annotated[str, typer.Argument(help="About whom it is.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Encrypt the text on stdin with the key of its subject; prints the token for a command.

    Exit codes: 0 good; 1 the file of keys cannot be used; 2 used wrongly.
    """
    from api import private_texts

    content = sys.stdin.buffer.read(private_texts.TEXT_BYTES_MAX + 2)
    if len(content) > private_texts.TEXT_BYTES_MAX + 1:
        # It was cut, perhaps within a character, which would be called no UTF-8.
        raise CommandError(private_texts.TEXT_LENGTH)
    try:
        text = content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise CommandError("the text is not UTF-8") from None
    token = _told(lambda: private_texts.protect(_keys(settings), subject, text))
    if as_json:
        print_document({"token": token})
        return
    stdout().print(token, markup=False)


def open_token(
    settings: Settings,
    *,
    token: Annotated[str, typer.Argument(help="As it is in the log.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Open a token: whose text it is, and the text.

    Exit codes: 0 good; 1 its key was erased or is not in the file of keys, or that file is not
    there or cannot be used; 2 it is no token.
    """
    from api import private_texts

    opened = _told(lambda: private_texts.open_text(_keys(settings), token))
    if as_json:
        print_document(opened._asdict())
        return
    stderr().print(f"subject {opened.subject}", markup=False)
    stdout().print(opened.text, markup=False)


def erase(
    settings: Settings,
    *,
    subject: Annotated[
        str | None, typer.Argument(help="Whose texts to erase.", show_default=False)
    ] = None,
    ref: Annotated[
        list[str] | None,
        typer.Option(
            help="Erase this key instead, such as again after a backup came back.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Destroy the key of a subject: all of its texts are unreadable from now on, everywhere.

    It cannot be undone. Backups of the file of keys must be destroyed as well.

    Exit codes: 0 erased; 1 there was no such key, or the file is not there or cannot be used;
    2 used wrongly.
    """
    if (subject is None) == (not ref):
        raise CommandError("name a subject, or keys by --ref")
    keys = _keys(settings)
    if subject is not None:
        found = [_told(lambda: keys.erase(subject=subject))]
        missing = "the subject has no key in this file; it had none, or it was erased"
    else:
        asked = ref or []
        found = _told(lambda: [keys.erase(ref=one) for one in asked])
        lost = [one for one, row in zip(asked, found, strict=True) if row is None]
        missing = f"not in this file, or erased already: {', '.join(lost)}"
    erased = [row for row in found if row is not None]
    if as_json:
        print_document({"erased": [{"ref": row.ref, "erased": row.erased} for row in erased]})
    for row in erased if not as_json else ():
        stdout().print(f"erased the key {row.ref}", markup=False)
    if len(erased) < len(found):
        raise CommandError(missing, ExitCode.FOUND_WRONG)


def show(
    settings: Settings,
    *,
    erased: Annotated[
        bool, typer.Option("--erased", help="Only those that were erased: no subject is in it.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the keys by their names; those of erased ones stay. No key is shown.

    Exit codes: 0 good; 1 the file of keys is not there, or cannot be used; 2 used wrongly.
    """
    rows = [row for row in _told(_keys(settings).rows) if row.erased is not None or not erased]
    if as_json:
        print_document([row._asdict() for row in rows])
        return
    for row in rows:
        state = row.subject if row.erased is None else f"erased {row.erased}"
        stdout().print(f"{row.ref}  {row.created}  {state}", markup=False)


def _keys(settings: Settings) -> Any:
    from api.private_keys import PrivateKeys

    if settings.privacy_keys_path is None:
        raise CommandError("where the log is on Kafka, privacy_keys_file must say which file it is")
    return PrivateKeys(settings.privacy_keys_path)


def _told(work: Callable[[], _Answer]) -> _Answer:
    """Do something, and say in a sentence why it cannot be done."""
    from api.private_texts import PrivateTextInvalid

    try:
        return work()
    except PrivateTextInvalid as error:
        raise CommandError(str(error)) from None
    except LedgerError as error:
        raise CommandError(str(error), ExitCode.FOUND_WRONG) from None


privacy.command("protect")(with_settings(protect))
privacy.command("open")(with_settings(open_token))
privacy.command("erase")(with_settings(erase))
privacy.command("list")(with_settings(show))
