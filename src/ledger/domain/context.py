"""What a decision needs from outside: the operator's rules, the time of recording, who asks."""

import msgspec

MICROSECONDS_PER_DAY = 86_400_000_000


class Rules(msgspec.Struct, frozen=True):
    """What an operator may choose about the rules. Times are in microseconds."""

    strict_items: bool = False
    scale_default: int = 0
    future_tolerance_us: int = 300 * 1_000_000
    backdate_limit_us: int = 7_300 * MICROSECONDS_PER_DAY
    # A movement reported later than this after it happened is flagged `late`.
    late_after_us: int = 3_600 * 1_000_000


class Context(msgspec.Struct, gc=False):
    """`recorded_ms` is milliseconds since 1970 UTC; `actor` the id of the caller's key,
    `trail` is JSON, what else is recorded of the request where the level of the log allows it.

    `sound`: ids and references of all commands were looked at together and are well formed
    (`checks.all_sound`), so that they need not be looked at one by one.
    """

    rules: Rules
    recorded_ms: int
    actor: str | None = None
    sound: bool = False
    trail: bytes | None = None
