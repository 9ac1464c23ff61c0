"""Writing what is taken home with its proof: a new folder of files, or one new ZIP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from vault.cli.log_export import new_file
from vault.errors import SetupError


def require_new(out: Path) -> None:
    """Refuse a place that is taken, or that cannot be there, before anything is logged as given out.

    Raises:
        SetupError: ``file_exists`` or ``file_unwritable``.
    """
    if out.exists():
        raise SetupError("file_exists", path=str(out))
    if not out.absolute().parent.is_dir():
        raise SetupError("file_unwritable", path=str(out))


def write(out: Path, files: Mapping[str, bytes], zipped: Iterable[bytes]) -> None:
    """Write the files for their owner alone.

    Args:
        out: a new folder; a new file if it ends in ``.zip``.
        files: content by name.
        zipped: the same as one ZIP, in pieces.

    Raises:
        SetupError: ``file_unwritable``.
    """
    if out.suffix == ".zip":
        with new_file(out) as file:
            for piece in zipped:
                file.write(piece)
        return
    try:
        out.mkdir(mode=0o700)
    except OSError:
        raise SetupError("file_unwritable", path=str(out)) from None
    for name, content in files.items():
        with new_file(out / name) as file:
            file.write(content)
