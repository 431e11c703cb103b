"""The directory of the embedded log and views, and what lies there."""

import os
import tempfile
from contextlib import suppress

from ledger.config import Settings
from ledger.presence import exists, is_dir
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


def prepare_views_dir(settings: Settings) -> None:
    """As `prepare_data_dir`, for what uses the views alone, which may lie elsewhere."""
    if settings.database_url is None:
        prepare_data_dir(settings)


def wrong_keys_file(settings: Settings) -> str | None:
    """That a directory lies where the keys of private texts would be, if so.

    A container makes one where the file to be mounted is missing.
    """
    path = settings.privacy_keys_path
    # What cannot be looked at is said by whoever opens it.
    with suppress(OSError):
        if path is not None and is_dir(path):
            return f"privacy_keys_file: {path} is a directory, not a file of keys"
    return None


def check_data_dir(settings: Settings) -> None:
    """See whether `prepare_data_dir` would succeed, and leave nothing behind.

    Raises CommandError.
    """
    try:
        _check(settings)
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"the data directory {settings.data_dir}: {reason}") from None


def _check(settings: Settings) -> None:
    folder = settings.data_dir.absolute()
    if is_dir(folder) or not needs_data_dir(settings):
        prepare_data_dir(settings)
        return
    above = next(parent for parent in folder.parents if exists(parent))
    if exists(folder) or not is_dir(above) or not os.access(above, os.W_OK | os.X_OK):
        raise CommandError(f"the data directory {settings.data_dir} cannot be made in {above}")
