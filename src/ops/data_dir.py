"""The directory of the embedded log and views."""

import tempfile

from ledger.config import Settings
from ops.console import CommandError


def needs_data_dir(settings: Settings) -> bool:
    """Whether anything of this process lies in the data directory."""
    return settings.kafka_bootstrap is None or settings.database_url is None


def prepare_data_dir(settings: Settings) -> None:
    """Make the data directory and see that files can be written there."""
    if not needs_data_dir(settings):
        return
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"the data directory {folder} cannot be written: {reason}") from None
