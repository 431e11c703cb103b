"""Settings of one of several server processes on one machine."""

import os
import sys
from urllib.parse import urlsplit

from pydantic import SecretStr

from ledger.config.settings import Settings


def with_secret(settings: Settings, secret: str) -> Settings:
    """The same, for processes that need a secret among themselves."""
    return settings.model_copy(update={"cluster_secret": SecretStr(secret)})


def alone(settings: Settings) -> Settings:
    """The settings of the only server process.

    What it decides is best written beside it, by a second core.
    """
    if settings.log_process is not None or settings.kafka_bootstrap is not None:
        return settings
    pays = sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1
    return settings.model_copy(update={"log_process": pays and "writer" in settings.roles})


def of_process(settings: Settings, number: int, port: int) -> Settings:
    """The settings of process `number`, which the others reach at `port`.

    Where the views are files only the first process keeps them and the alerts up to date: they are
    the same files for all.
    """
    roles = settings.roles
    if number > 0 and settings.database_url is None:
        roles -= {"projector", "publisher"}
    loopback = "http://[::1]" if ":" in settings.host else "http://127.0.0.1"
    advertised = urlsplit(settings.advertised_url or loopback)
    host = advertised.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    mine = settings.model_copy(
        update={
            "roles": roles,
            "advertised_url": f"{advertised.scheme}://{shown}:{port}",
            "instance_id": f"{settings.instance_id}-{number}",
        }
    )
    mine._number = number
    return mine
