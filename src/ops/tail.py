"""`stockledger tail`: movements as they are recorded, from the log itself."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.config import Settings
from ops.console import drop_stdout, stderr
from ops.existing_log import check_log_file, existing_log
from ops.faults import explain
from ops.logging import mask_text

if TYPE_CHECKING:
    from ledger.log import Record
    from ops.tailing.wanted import Wanted

_Option = typer.Option


def tail(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    *,
    sku: Annotated[str | None, _Option(help="This SKU.", show_default=False)] = None,
    location: Annotated[
        str | None, _Option(help="From or to this location and below.", show_default=False)
    ] = None,
    lot: Annotated[str | None, _Option(help="This lot.", show_default=False)] = None,
    kinds: Annotated[
        list[str] | None, _Option("--type", help="This type; several times.", show_default=False)
    ] = None,
    reference: Annotated[
        str | None, _Option(help="The id of the caller's document.", show_default=False)
    ] = None,
    partition: Annotated[
        list[int] | None, _Option(help="This partition; several times.", show_default=False)
    ] = None,
    begin: Annotated[
        str,
        _Option("--from", help="now, start, an instant, or positions such as 3:17,4:0."),
    ] = "now",
    refusals: Annotated[bool, _Option("--refusals", help="Also what was refused.")] = False,
    voids: Annotated[bool, _Option("--voids", help="Also records that do not count.")] = False,
    count: Annotated[
        int | None, _Option(min=1, help="End after so many.", show_default=False)
    ] = None,
    as_json: Annotated[bool, _Option("--json", help="NDJSON: a document a line.")] = False,
) -> None:
    """Show movements as they are recorded. No server is needed but the log.

    Partitions are followed side by side; within one the order is that of the log. While the log
    does not answer it is waited for.

    Exit codes: 0 --count were shown, or nobody reads on; 1 the log is damaged, replaced or not
    there; 2 used wrongly; 3 the log cannot be opened; 130 interrupted by Ctrl-C.
    """
    from ops.tailing.wanted import Wanted

    wanted = Wanted(sku, location, lot, kinds or (), reference, partition or (), refusals, voids)
    wanted.check(settings.partitions)
    check_log_file(settings)
    output = _Output(count, as_json=as_json)
    try:
        asyncio.run(_tail(settings, wanted, begin, output))
    except BrokenPipeError:
        # Whoever read it has gone; Python would complain once more when it ends.
        drop_stdout()
    except Exception as error:
        raise explain(error, settings) or error from error


async def _tail(settings: Settings, wanted: "Wanted", begin: str, output: "_Output") -> None:
    from ops.tailing.follow import Shown, Tail
    from ops.tailing.places import places

    async with existing_log(settings) as log:
        starts = await places(log, begin, wanted.of(log.partitions))
        shown = Shown(output.record, output.outage, output.over, output.flush)
        await Tail(log, wanted, shown).run(starts)
        output.flush()


class _Output:
    """Lines on stdout, until `count` are written; words about outages on stderr."""

    def __init__(self, count: int | None, *, as_json: bool) -> None:
        self._left = count
        self._as_json = as_json

    def record(self, partition: int, record: "Record", fact: object) -> bool:
        """Write one; False if it was the last."""
        import msgspec

        from ops.tailing.lines import document, line

        if self._left == 0:
            return False
        found = document(partition, record, fact)
        text = msgspec.json.encode(found).decode() if self._as_json else line(found)
        sys.stdout.write(f"{text}\n")
        if self._left is not None:
            self._left -= 1
        return self._left != 0

    def flush(self) -> None:
        """Everything there is was written."""
        sys.stdout.flush()

    def outage(self, why: str) -> None:
        """The log does not answer."""
        self.flush()
        stderr().print(f"waiting: {mask_text(why)}", markup=False)

    def over(self) -> None:
        """It answers again."""
        stderr().print("the log answers again", markup=False)
