"""Importing a company's export: read, seal, compare, store; all or nothing for each batch, safe to run again.

A batch is 200 rows in one transaction (docs/import.md). The expensive part, reading and sealing, happens before
the writing turn is taken, so that look-ups go on. The same record is the same source number (for shipments the
waybill; for customers without a source number the ID number); it is compared by a logged opening with purpose
``import``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from vault.domain.breach.containment import Doing
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor
from vault.errors import ImportRefused, InvalidValue
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.intake_batch import Run, import_batch
from vault.services.steps.intake_report import Fault, ImportReport
from vault.services.steps.intake_rows import Entry, Identity, RowReader
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.csv_files import CsvFile, open_csv
from vault.storage.mapping_files import HeaderMapping, choose_mapping, load_mapping

BATCH_ROWS = 200

Progress = Callable[[int, int, int], None]
"""Called with bytes read, bytes in the file and rows read."""


@stopped_by_freeze(Doing.IMPORT, Action.IMPORT_BATCH)
def import_records(  # noqa: PLR0913 - one act with this many facts
    parts: Parts,
    actor: Actor,
    record_class: RecordClass,
    path: Path,
    mappings: Path,
    now: datetime,
    *,
    mapping_file: Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import customers, shipments or service records from a CSV file.

    Args:
        parts: the vault's parts.
        actor: who imports.
        record_class: what the rows are.
        path: the file.
        mappings: folder of mapping files, searched by the header row.
        now: UTC.
        mapping_file: a mapping to use instead.
        dry_run: read, check and compare, but store nothing.
        progress: told how far it has come.

    Returns:
        What was added, changed, left alone, and every bad row by line, column and reason.

    Raises:
        StorageUnavailable: the database did not answer; batches already reported are stored, the rest is not.
    """
    report = ImportReport()
    try:
        with open_csv(path) as csv:
            mapping = mapping_for(csv, record_class.value, mappings, mapping_file)
            check_header(csv.header, mapping)
            reader = RowReader(mapping, csv.header, parts.policy, now)
            with parts.database.read() as connection:
                owners = people.ids_by_work_number(connection)
            run = Run(parts, actor, record_class, reader, mapping, now, dry_run, owners, report)
            _import_rows(run, csv, progress)
    except ImportRefused as refused:
        line = int(refused.facts.get("line", 1)) if refused.reason != "empty_file" else 0
        column = str(refused.facts.get("column", ""))
        report.fault(Fault(line, refused.reason, str(refused.facts.get("field", "")), column))
    return report


def mapping_for(csv: CsvFile, record_class: str, folder: Path, chosen: Path | None) -> HeaderMapping:
    """Choose the mapping of a file: the one given, or the one that knows its header row.

    Raises:
        ImportRefused: no mapping of this class knows the header.
    """
    mapping = load_mapping(chosen) if chosen else choose_mapping(folder, record_class, csv.header)
    if mapping is None or mapping.mapping.record_class != record_class:
        raise ImportRefused("unknown_columns", line=1)
    return mapping


def check_header(header: Sequence[str], mapping: HeaderMapping) -> None:
    """Refuse a header row that misses a required column or names one twice.

    Raises:
        ImportRefused: with the column.
    """
    named = [mapping.columns[name] for name in header if name in mapping.columns]
    for name in header:
        if name in mapping.columns and header.count(name) > 1:
            raise ImportRefused("duplicate_column", line=1, field=mapping.columns[name], column=name)
    for name in mapping.mapping.required:
        if name not in named:
            raise ImportRefused("missing_column", line=1, field=name, column=mapping.header_of(name))


def _import_rows(run: Run, csv: CsvFile, progress: Progress | None) -> None:
    batch: list[Entry] = []
    held: set[Identity] = set()

    def flush() -> None:
        """Import the rows collected so far, and say how far the file is read."""
        if batch:
            import_batch(run, batch)
        batch.clear()
        held.clear()
        if progress is not None:
            progress(csv.bytes_read(), csv.size, run.report.rows)

    for row in csv.rows():
        run.report.rows += 1
        if row.fault:
            name = run.mapping.columns.get(csv.header[row.column], "") if row.column >= 0 else ""
            run.fault(row.line, row.fault, name)
            continue
        try:
            entry = run.reader.entry(row.line, row.cells)
        except InvalidValue as invalid:
            run.fault(row.line, invalid.reason, str(invalid.facts.get("field", "")))
            continue
        if entry.identity in held:  # the same record twice in one batch: the second sees the first stored
            flush()
        batch.append(entry)
        held.add(entry.identity)
        if len(batch) >= BATCH_ROWS:
            flush()
    flush()
