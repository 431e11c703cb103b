"""What goes wrong in one run: each run has its own weather, some faults often, some never."""

import random
from dataclasses import dataclass, replace

from tests.simulation.faulty_log import Faults
from tests.simulation.peers import PeerFaults


@dataclass(frozen=True)
class Weather:
    """`crashes`, `pauses` and `restarts` are how many each instance meets in a second."""

    instances: int
    # Whether the instances share the partitions out; otherwise each writes all of them.
    shared: bool
    log: Faults
    peers: PeerFaults
    views_down: float
    crashes: float
    pauses: float
    restarts: float
    # How likely a crash takes all snapshots with it.
    snapshots_lost: float
    # Most bulks are small; of the others each partition gets several slices.
    bulk_commands_max: tuple[int, ...] = (12, 12, 40)


def weather_of(chance: random.Random) -> Weather:
    """Drawn anew for each run."""

    def often(most: float) -> float:
        return chance.choice((0.0, most / 4, most))

    log = Faults(
        unavailable=often(0.05),
        lost_request=often(0.08),
        lost_answer=often(0.08),
        late_landing=often(0.08),
        doubled=often(0.1),
        skewed=often(0.02),
        stale_read=often(0.2),
        slow=often(0.05),
        part_lost=often(0.02),
        part_corrupt=often(0.02),
        store_down=often(0.05),
    )
    peers = PeerFaults(
        unreachable=often(0.1),
        lost_request=often(0.05),
        lost_answer=often(0.1),
        doubled=often(0.1),
        very_late=often(0.05),
        slow=often(0.05),
    )
    shared = chance.random() < 0.75
    return Weather(
        instances=chance.randint(2, 4) if shared else chance.randint(1, 3),
        shared=shared,
        log=log,
        peers=peers,
        views_down=often(0.1),
        crashes=often(0.1 if shared else 1.0),
        pauses=often(0.15),
        restarts=often(0.05),
        snapshots_lost=often(0.2),
    )


def storm_of(chance: random.Random) -> Weather:
    """The same with two faults at once nearly all the time: answers are lost, and old ids cannot be
    looked up. Nobody crashes, so that bulks live to see it."""
    weather = weather_of(chance)
    log = replace(weather.log, lost_answer=0.5, lost_request=0.1, unavailable=0.1)
    return replace(weather, log=log, views_down=0.3, crashes=0.0, bulk_commands_max=(40,))
