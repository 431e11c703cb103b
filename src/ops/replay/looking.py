"""What is there to replay: looked at once, so that the answer is of one moment."""

from ledger.config import Settings
from ledger.replay.reading import ends
from ops.console import CommandError, ExitCode
from ops.existing_log import existing_log
from ops.replay.question import Question


async def look(settings: Settings, question: Question) -> dict[int, int]:
    """The offset behind the last record to replay, of each partition to replay.

    Raises CommandError where the question is beyond the log, and what opening a log raises.
    """
    async with existing_log(settings) as log:
        chosen = question.chosen(log.partitions)
        found = await ends(log, range(log.partitions))
    if not any(found.values()):
        raise CommandError("the log is empty; serve opens it", ExitCode.FOUND_WRONG)
    for partition in chosen:
        # A ledger opens all of its partitions before it writes to any.
        if found[partition] == 0:
            raise CommandError(
                f"partition {partition} is empty, though the ledger was opened: it has lost its "
                "history, or was not opened yet",
                ExitCode.FOUND_WRONG,
            )
    for flag, positions in (
        ("--as-of-position", question.as_of_position),
        ("--since-position", question.since_position),
    ):
        for partition in chosen:
            if positions is not None and positions[partition] >= found[partition]:
                raise CommandError(
                    f"{flag} {partition}:{positions[partition]} is beyond the log: the last record "
                    f"of partition {partition} is {partition}:{found[partition] - 1}"
                )
    if question.as_of_position is None:
        return {partition: found[partition] for partition in chosen}
    return {partition: question.as_of_position[partition] + 1 for partition in chosen}
