"""Looking at files where the system may refuse it, and what is said of that."""

import os
from pathlib import Path

from ops.health.finding import Finding, bad

_RIGHT = "give this user the right to, or name another place in the settings"
_OTHER = "see what is wrong there, or name another place in the settings"


def look_at(path: Path) -> os.stat_result | None:
    """What lies there; None if nothing does.

    Raises OSError where the system does not tell: newer versions of `Path.exists` take that for
    nothing.
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def refused(check: str, error: OSError, of: str | None = None) -> Finding:
    """What the system refused to a check: which path, why, and what to do. `of` names a setting."""
    parts = [of, error.filename, error.strerror or str(error)]
    text = ": ".join(str(part) for part in parts if part is not None)
    return bad(check, text, _RIGHT if isinstance(error, PermissionError) else _OTHER)
