"""How many connections of callers the system lets this process have."""

import contextlib
import resource

from api.limits import CONNECTIONS_MAX, FILES_KEPT


def connections_max() -> int:
    """Connections that may be open at a time, as far as the limit of open files can be raised.

    What is over is refused with an answer; without a bound the log, the views and the brokers would
    find no file to open any more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_KEPT
    if _fewer(soft, wanted):
        raised = hard if _fewer(hard, wanted) else wanted
        # Some systems have a bound of their own, lower than the one they tell.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    if not _fewer(soft, wanted):
        return CONNECTIONS_MAX
    return max(soft - FILES_KEPT, soft // 2)


def _fewer(limit: int, count: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < count
