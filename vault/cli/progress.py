"""A bar on a terminal for work of which somebody tells how far it has come; nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def progress(what: str, *, quiet: bool, is_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the block runs.

    Args:
        what: what is done, in the operator's language.
        quiet: show nothing: programs read the output.
        is_bytes: the numbers are bytes.

    Yields:
        To be told how much is done of how much; of a total nobody knows, 0.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _done, _total: None
        return
    count = DownloadColumn() if is_bytes else TaskProgressColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total or None)
