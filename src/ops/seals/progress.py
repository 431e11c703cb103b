"""How far a reading has come, on stderr while somebody looks at it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress, TextColumn, TimeElapsedColumn

from ops.console import stderr


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show the partition and the number of records on a terminal; gone at the end."""
    console = stderr()
    if not console.is_terminal:
        yield lambda _partition, _records: None
        return
    with Progress(
        TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task(what)
        total = 0

        def show(partition: int, records: int) -> None:
            nonlocal total
            total += records
            bar.update(task, description=f"{what} partition {partition}: {total:,} records")

        yield show
