"""Settings of one of several server processes on one machine, or of the only one."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from ledger.config.settings import Settings

# What a container grants in so many microseconds ("150000 100000", or "max 100000").
CONTROL_GROUP: Final = Path("/sys/fs/cgroup/cpu.max")
_CORES_MIN: Final = 2


def with_secret(settings: Settings, secret: str) -> Settings:
    """The same, for processes that need a secret among themselves."""
    return settings.model_copy(update={"cluster_secret": SecretStr(secret)})


def alone(settings: Settings) -> Settings:
    """The settings of the only server process.

    What it decides is best written beside it, by a second core.
    """
    if settings.log_process is not None or settings.kafka_bootstrap is not None:
        return settings
    pays = sys.platform == "linux" and cores(CONTROL_GROUP) >= _CORES_MIN
    return settings.model_copy(update={"log_process": pays and "writer" in settings.roles})


def cores(control_group: Path) -> float:
    """How many cores of a Linux machine this process may use at once: those that it is not kept
    off, and no more than its container is granted (control groups, version 2)."""
    granted: float = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = control_group.read_text().split()
        granted = min(granted, int(quota) / int(period))
    return granted


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
