"""What an audit did not look at, and why: nobody is to take it for proved."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.config import Settings
from ledger.presence import exists
from ops.verify.partition import PartitionReport


class LeftOut(NamedTuple):
    """One thing that was not checked: `what` for scripts, `why` for people."""

    what: str
    why: str


def has_views(settings: Settings) -> bool:
    """A database file that is not there is none; one that does not answer is a fault."""
    return settings.database_url is not None or exists(settings.data_dir / "views.db")


def has_snapshots(settings: Settings) -> bool:
    """Whether snapshots were ever taken on this machine, or may lie on the brokers."""
    return settings.kafka_bootstrap is not None or exists(settings.snapshots_path)


def views_left_out(settings: Settings, *, wanted: bool) -> Iterator[LeftOut]:
    """Views, and what is made from them."""
    if not wanted:
        yield LeftOut("views", "--no-views")
    elif not has_views(settings):
        yield LeftOut("views", "there are none")


def snapshots_left_out(
    settings: Settings, reports: Sequence[PartitionReport], *, wanted: bool
) -> Iterator[LeftOut]:
    """Snapshots: all, or those of some partitions."""
    lacking = [str(one.partition) for one in reports if not one.snapshot]
    if not wanted:
        yield LeftOut("snapshots", "--no-snapshots")
    elif not has_snapshots(settings):
        yield LeftOut("snapshots", "there are none")
    elif lacking:
        yield LeftOut("snapshots", f"there is none to compare of partitions {', '.join(lacking)}")


def levels_left_out(settings: Settings, *, wanted: bool, views: bool) -> Iterator[LeftOut]:
    """The topic of levels; `views` says whether there are views to compare it with."""
    if not wanted:
        yield LeftOut("levels", "--no-levels")
    elif settings.kafka_bootstrap is None:
        yield LeftOut("levels", "they are published on Kafka only, and the log is in a file")
    elif not views:
        yield LeftOut("levels", "they are compared with the view of stock, which is not looked at")


def partitions_left_out(reports: Sequence[PartitionReport], count: int) -> Iterator[LeftOut]:
    """Partitions of a log that has `count`, and what was not made of those that were read."""
    if len(reports) < count:
        why = f"--partition: {count - len(reports)} of {count} were not read"
        yield LeftOut("partitions", why)
    empty = [str(one.partition) for one in reports if not one.end]
    if 0 < len(empty) < len(reports):
        yield LeftOut("partitions", f"nothing is in {', '.join(empty)}")
    for group in sorted({group for one in reports for group in one.unmade}):
        of = ", ".join(str(one.partition) for one in reports if group in one.unmade)
        yield LeftOut(group, f"not made yet of partitions {of}")


SEAL = LeftOut("seal", "no seal was given: whether the newest records are all there is not proved")
