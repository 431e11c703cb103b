"""The machine: Python, libraries, disk, open files, the files of keys, the port."""

import os
import resource
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ledger.config import Settings
from ledger.presence import exists
from ops.data_dir import needs_data_dir, wrong_keys_file
from ops.health.finding import Finding, bad, good, warn
from ops.health.paths import look_at, refused
from ops.unknown_names import unknown_names

PYTHON_MIN = (3, 11)
DISK_BYTES_BAD = 256 * 1024 * 1024
DISK_BYTES_WARN = 2 * 1024 * 1024 * 1024
DISK_SHARE_WARN = 0.05
# A read that waits takes a connection of its own, and so does each caller.
FILES_BAD = 256
FILES_WARN = 4_096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MIB = 1024 * 1024
_READABLE = ("SASL_PLAINTEXT", "PLAIN")


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Variables that are no setting, and files that settings name."""
    for unknown in unknown_names():
        yield warn("settings", unknown.sentence, unknown.advice)
    for name in ("kafka_ssl_cafile", "planning_parameters"):
        path = getattr(settings, name)
        if path is not None:
            yield from _is_file(name, path)
    if (settings.kafka_security_protocol, settings.kafka_sasl_mechanism) == _READABLE:
        text = "kafka_sasl_password goes to the brokers so that anybody on the way can read it"
        yield warn("settings", text, "set kafka_security_protocol to SASL_SSL, or use SCRAM")
    if settings.kafka_bootstrap is not None and settings.dev:
        yield warn(
            "settings",
            "dev accepts topics that may lose what was acknowledged",
            "unset dev where the stock is real",
        )


def check_python(settings: Settings) -> Iterator[Finding]:
    """The version, and the libraries that these settings need."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        wanted = ".".join(map(str, PYTHON_MIN))
        yield bad("python", f"Python {version} is too old", f"install {wanted} or newer")
    else:
        yield good("python", f"Python {version}")
    needed = {"cramjam": ("lz4 and zstd of Kafka records", "lz4", False)}
    if settings.kafka_bootstrap is None:
        needed = {}
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        needed["opentelemetry"] = ("the traces that OTEL_EXPORTER_OTLP_ENDPOINT asks for", "otel",
                                   True)  # fmt: skip
    for module, (what, extra, must) in needed.items():
        if find_spec(module) is None:
            advice = f"pip install 'stockledger[{extra}]'" + ("" if must else ", if you use them")
            yield warn("python", f"{what} need {module}, which is not installed", advice)


def check_disk(settings: Settings) -> Iterator[Finding]:
    """The data directory: whether files can be written there, and how much room is left."""
    if not needs_data_dir(settings):
        yield good("disk", "nothing lies in the data directory")
        return
    folder = settings.data_dir
    there = look_at(folder)
    if there is None:
        yield warn("disk", f"there is no {folder} yet", "serve makes it")
        folder = _existing(folder)
    elif not stat.S_ISDIR(there.st_mode):
        yield bad("disk", f"{folder} is no directory", "set data_dir to one")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield bad(
            "disk", f"{folder} cannot be written", "give this user the right to, or set data_dir"
        )
        return
    usage = shutil.disk_usage(folder)
    text = f"{usage.free // _MIB:,} MiB free of {usage.total // _MIB:,} at {folder}"
    if usage.free < DISK_BYTES_BAD:
        yield bad("disk", text, "make room: appends fail when it is full")
    elif usage.free < DISK_BYTES_WARN or usage.free < usage.total * DISK_SHARE_WARN:
        yield warn("disk", text, "make room before it is full")
    else:
        yield good("disk", text)


def check_files(_settings: Settings) -> Iterator[Finding]:
    """How many files and connections a server of this user may have open; it asks for them all."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        yield good("open files", "no limit")
    elif hard >= FILES_WARN:
        yield good("open files", f"{hard:,} allowed")
    else:
        make = bad if hard < FILES_BAD else warn
        advice = f"ulimit -Hn {FILES_WARN}, or LimitNOFILE= of the service"
        yield make("open files", f"only {hard:,} allowed, connections included", advice)


def check_keys(settings: Settings) -> Iterator[Finding]:
    """The files of keys, who may read them, and whether there must be API keys."""
    from api.keys import KeysFileDamaged, load
    from api.security import is_loopback

    path = settings.api_keys_path
    try:
        known = load(path)
    except KeysFileDamaged as error:
        if isinstance(error.__cause__, OSError):
            yield refused("keys", error.__cause__)
        else:
            yield bad("keys", str(error), "restore it, or make new keys")
        return
    if look_at(path) is not None:
        yield from _rights("keys", path)
        yield good("keys", f"{len(known)} API keys in {path}")
    elif is_loopback(settings.host):
        yield good("keys", "no API keys: only this machine can reach the server")
    if not known and not is_loopback(settings.host):
        advice = "stockledger keys create NAME, or listen on 127.0.0.1"
        yield bad(
            "keys", f"{settings.host} can be reached from elsewhere, and there is no key", advice
        )
    yield from _private_keys(settings)
    dotenv = Path(".env")
    if look_at(dotenv) is not None:
        yield from _rights("keys", dotenv)


def _private_keys(settings: Settings) -> Iterator[Finding]:
    private = settings.privacy_keys_path
    there = None if private is None else look_at(private)
    if (sentence := wrong_keys_file(settings)) is not None:
        yield bad("keys", sentence, "name a file; it is made with the first key")
    elif there is not None and there.st_mode & _OTHERS:
        text = f"others may use {private}: no private text is encrypted or opened"
        yield bad("keys", text, f"chmod 600 {private}")


def check_secret(settings: Settings) -> Iterator[Finding]:
    """The secret of the instances, where they need one."""
    from api.internal import SecretRequired, check_secret

    try:
        check_secret(settings)
    except SecretRequired as error:
        yield bad("cluster secret", str(error), "set cluster_secret to the same for all instances")
    else:
        needed = settings.shared and settings.cluster_secret is not None
        yield good("cluster secret", "it is set" if needed else "none is needed")


def cannot_listen(settings: Settings) -> OSError | None:
    """Why the port cannot be taken, if it cannot."""
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, settings.port))
    except OSError as error:
        return error
    return None


def _is_file(name: str, path: Path) -> Iterator[Finding]:
    """Whether a setting names a file."""
    try:
        there = look_at(path)
    except OSError as error:
        yield refused("settings", error, name)
        return
    if there is None or not stat.S_ISREG(there.st_mode):
        yield bad("settings", f"{name}: there is no file {path}", "make it, or unset it")


def _rights(check: str, path: Path) -> Iterator[Finding]:
    mode = path.stat().st_mode
    if mode & _OTHERS_WRITE:
        yield bad(check, f"others may write {path}", f"chmod 600 {path}")
    elif mode & _OTHERS:
        yield warn(check, f"others may read {path}", f"chmod 600 {path}")


def _existing(folder: Path) -> Path:
    """The nearest folder above that is there."""
    return next(parent for parent in folder.absolute().parents if exists(parent))
