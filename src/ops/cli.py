"""The command line `stockledger`: one file a command, put together here.

Exit codes of every command: 0 good; 1 it found something wrong; 2 it was used wrongly; 3 a server
it needs does not answer; 130 it was interrupted.
"""

import errno
import logging

import typer

from ops.as_of import as_of
from ops.check_history.command import check_history
from ops.check_seals import check_seals
from ops.config import show_config
from ops.console import CommandError, ExitCode, drop_stdout, fail
from ops.doctor import doctor
from ops.explain import explain_stock
from ops.export import export
from ops.import_log import import_log
from ops.keys import keys
from ops.load import load
from ops.migrate import migrate
from ops.options import with_settings
from ops.plan import plan
from ops.plan_backtest import plan_backtest
from ops.privacy import privacy
from ops.prove import check_proof, prove
from ops.rebuild import rebuild
from ops.reconcile import reconcile
from ops.replay.command import replay
from ops.seal import seal
from ops.serve import serve
from ops.tail import tail
from ops.topics import topics
from ops.verify.command import verify

app = typer.Typer(
    name="stockledger",
    help="An event-sourced inventory ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 good, 1 found something wrong, 2 used wrongly, "
    "3 a server does not answer, 130 interrupted.",
)
app.command("serve")(with_settings(serve))
app.command("load")(load)
app.command("tail")(with_settings(tail))
# This one and config have what is misspelt among what they find.
app.command("doctor")(with_settings(doctor, warns=False))
app.command("topics")(with_settings(topics))
app.command("check-history")(with_settings(check_history))
app.command("seal")(with_settings(seal))
app.command("check-seals")(check_seals)
app.command("prove")(with_settings(prove))
app.command("check-proof")(check_proof)
app.command("replay")(with_settings(replay))
app.command("as-of")(with_settings(as_of))
app.command("verify")(with_settings(verify))
app.command("explain")(with_settings(explain_stock))
app.command("plan")(with_settings(plan))
app.command("plan-backtest")(plan_backtest)
app.command("reconcile")(with_settings(reconcile))
app.command("export")(with_settings(export))
app.command("import")(with_settings(import_log))
app.command("rebuild")(with_settings(rebuild))
app.command("migrate")(with_settings(migrate))
app.command("config")(with_settings(show_config, warns=False))
app.add_typer(keys, name="keys")
app.add_typer(privacy, name="privacy")


def _print_version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata

        typer.echo(f"stockledger {importlib.metadata.version('stockledger')}")
        raise typer.Exit


@app.callback()
def root(
    _version: bool = typer.Option(
        False,
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Show the version and exit.",
    ),
) -> None:
    """Hold what every command has; a command follows."""


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def main() -> None:
    """Run a command; what it cannot do is said in one sentence, without a traceback."""
    # Else Python would print what the client of Kafka complains of, before the command does.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    try:
        app()
    except CommandError as error:
        fail(error)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            # Of whichever file is named first.
            fail(CommandError(f"{error.filename}: {error.strerror}"))
        if error.errno not in _NO_ROOM:
            raise
        # What could not be written is still waiting, and Python would complain when it ends.
        drop_stdout()
        fail(CommandError(f"it cannot be written: {error.strerror}", ExitCode.UNAVAILABLE))
    except KeyboardInterrupt:
        raise SystemExit(int(ExitCode.INTERRUPTED)) from None
