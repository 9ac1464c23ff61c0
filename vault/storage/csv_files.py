"""Reading a CSV as companies export it: UTF-8 with or without BOM, or GB18030; streamed, never held whole."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vault.errors import ImportRefused

LONGEST_CELL = 10_000
"""Characters; longer cells are refused row by row."""

_SAMPLE = 65_536
_MOST_BYTES_IN_CELL = 131_072
_TOO_LONG = "row_too_wide"
_LONGEST_ROW = 1_000_000  # characters: a file that is one line must not be held whole


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file.

    Args:
        line: the line on which it begins, from 1.
        cells: its cells, stripped.
        fault: why it cannot be read, or an empty string.
        column: number of the cell at fault, from 0; -1 for the whole row.
    """

    line: int
    cells: tuple[str, ...]
    fault: str = ""
    column: int = -1


class CsvFile:
    """An opened file: its header row and then its rows.

    Args:
        stream: decoded text.
        raw: the bytes below, for progress.
        size: bytes in the file.
    """

    def __init__(self, stream: io.TextIOBase, raw: IO[bytes], size: int) -> None:
        csv.field_size_limit(_MOST_BYTES_IN_CELL)
        self._stream = stream
        self._left = _LONGEST_ROW
        self._reader = csv.reader(self._lines(), strict=True)
        self._raw = raw
        self.size = size
        first = next(self._rows(), None)
        if first is None:
            raise ImportRefused("empty_file")
        if first.fault:
            raise ImportRefused(first.fault, line=first.line)
        self.header = first.cells

    def bytes_read(self) -> int:
        """Return how far reading has come."""
        return self._raw.tell()

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows below the header; an unreadable rest of the file is one last faulty row."""
        width = len(self.header)
        for row in self._rows():
            if not row.fault and len(row.cells) != width:
                cut = len(row.cells) < width
                at = max(0, len(row.cells) - 1) if cut else width - 1
                yield RawRow(row.line, row.cells, "row_cut" if cut else "row_too_wide", at)
            elif row.column >= width:  # in a cell beyond the header's last
                yield RawRow(row.line, row.cells, row.fault, width - 1)
            else:
                yield row

    def _lines(self) -> Iterator[str]:
        """Give the reader its lines, until one row asks for more than a row may have."""
        while text := self._stream.readline(self._left):
            self._left -= len(text)
            if not self._left:
                raise csv.Error(_TOO_LONG)
            yield text

    def _rows(self) -> Iterator[RawRow]:
        while True:
            line, self._left = self._reader.line_num + 1, _LONGEST_ROW
            try:
                cells = next(self._reader, None)
            except csv.Error as error:
                # The reader cannot find its way back after a quote that never closes.
                yield RawRow(line, (), _fault_of(error))
                return
            except UnicodeDecodeError:
                yield RawRow(line, (), "not_utf8")
                return
            if cells is None:
                return
            if not any(cells):
                continue  # a blank line is not a row
            yield _checked(line, tuple(cell.strip() for cell in cells))


def _fault_of(error: csv.Error) -> str:
    said = str(error)
    if said == _TOO_LONG:
        return _TOO_LONG
    return "unclosed_quote" if "unexpected end" in said or "field larger" in said else "bad_quoting"


def _checked(line: int, cells: tuple[str, ...]) -> RawRow:
    for at, cell in enumerate(cells):
        if "\0" in cell:
            return RawRow(line, cells, "nul_byte", at)
        if len(cell) > LONGEST_CELL:
            return RawRow(line, cells, "cell_too_long", at)
    return RawRow(line, cells)


@contextmanager
def open_csv(path: Path) -> Iterator[CsvFile]:
    """Open a CSV file for streaming.

    Raises:
        ImportRefused: it is not there, empty, or in no encoding we read.
    """
    try:
        raw = io.BufferedReader(path.open("rb", buffering=0), _SAMPLE)
    except OSError:
        raise ImportRefused("file_unreadable", path=str(path)) from None
    with raw:
        sample = raw.peek(_SAMPLE)[:_SAMPLE]
        if not sample.strip():
            raise ImportRefused("empty_file")
        size = path.stat().st_size
        with io.TextIOWrapper(raw, encoding=_encoding(sample), newline="") as stream:
            yield CsvFile(stream, raw, size)


def _encoding(sample: bytes) -> str:
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for encoding in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            decoder.decode(sample)  # not final: the sample may end inside a character
        except UnicodeDecodeError:
            continue
        return encoding
    raise ImportRefused("unknown_encoding")
