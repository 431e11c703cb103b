"""How often the garbage collector looks for cycles."""

import gc

_YOUNG_OBJECTS = 20_000


def collect_rarely() -> None:
    """Leave alone what is there now, and look at the rest rarely.

    What is there lives as long as the process. Of what comes nearly everything is freed by its
    count; the default would look for cycles all the time.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
