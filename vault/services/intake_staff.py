"""Importing accounts: the whole file or nothing, safe to run again; new accounts are ``invited``."""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import datetime
from pathlib import Path
from typing import Any

from vault.domain.breach.containment import Doing
from vault.domain.ids import Role, new_id
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import AccountState
from vault.errors import ImportRefused, InvalidValue
from vault.services.intake import check_header, mapping_for
from vault.services.steps.account_acts import require_fitting
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.intake_report import Fault, ImportReport
from vault.services.steps.intake_rows import RowReader, checked_code
from vault.services.steps.parts import Parts
from vault.storage import grants, people, sessions
from vault.storage.csv_files import RawRow, open_csv
from vault.storage.unit_of_work import unit_of_work

_WORK_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9_-]{1,31}")


@stopped_by_freeze(Doing.IMPORT, Action.IMPORT_STAFF)
def import_staff(
    parts: Parts,
    actor: Actor,
    path: Path,
    mappings: Path,
    now: datetime,
    *,
    mapping_file: Path | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Import staff from a CSV file.

    Args:
        parts: the vault's parts.
        actor: who imports.
        path: the file.
        mappings: folder of mapping files, searched by the header row.
        now: UTC.
        mapping_file: a mapping to use instead.
        dry_run: read and check, but store nothing.

    Returns:
        What was added, changed and left alone; with one bad row nothing is stored.
    """
    report = ImportReport()
    rows: dict[str, dict[str, str]] = {}
    with parts.database.read() as connection:
        kinds = {one.work_number: one.kind for one in people.every(connection)}
    try:
        with open_csv(path) as csv:
            mapping = mapping_for(csv, "staff", mappings, mapping_file)
            check_header(csv.header, mapping)
            reader = RowReader(mapping, csv.header, parts.policy, now)
            for row in csv.rows():
                report.rows += 1
                try:
                    cells = _checked(reader, row, mapping.columns.get(csv.header[row.column], ""), rows)
                    require_fitting(parts, kinds.get(cells["work_number"], people.PERSON), Role(cells["role"]))
                except InvalidValue as invalid:
                    at = str(invalid.facts.get("field", ""))
                    report.fault(Fault(row.line, invalid.reason, at, mapping.header_of(at) if at else ""))
                else:
                    rows[cells["work_number"]] = cells
    except ImportRefused as refused:
        line = 0 if refused.reason == "empty_file" else int(refused.facts.get("line", 1))
        facts = refused.facts
        report.fault(Fault(line, refused.reason, str(facts.get("field", "")), str(facts.get("column", ""))))
    if not report.bad:
        _store(parts, actor, rows, report, now, dry_run=dry_run)
    return report


def _checked(reader: RowReader, row: RawRow, column: str, known: Container[str]) -> dict[str, str]:
    if row.fault:
        raise InvalidValue(row.fault, field=column if row.column >= 0 else "")
    cells = reader.cells(row.cells)
    number = cells["work_number"].upper()
    if not _WORK_NUMBER.fullmatch(number):
        raise InvalidValue("not_a_work_number", field="work_number")
    if cells["role"] not in list(Role):  # a mapping without words for roles lets any word through
        raise InvalidValue("unknown_role", field="role")
    for name in ("outlet", "team"):
        checked_code(cells.get(name, ""), name)
    if number in known:
        raise InvalidValue("same_work_number", field="work_number")
    return cells | {"work_number": number}


def _store(
    parts: Parts, actor: Actor, rows: dict[str, dict[str, str]], report: ImportReport, now: datetime, *, dry_run: bool
) -> None:
    with unit_of_work(parts.database) as work:
        store = parts.keys.current(work.connection)
        known = {one.work_number: one for one in people.every(work.connection)}
        fresh: list[dict[str, Any]] = []
        changed: list[tuple[str, str]] = []
        for number, cells in rows.items():
            values: dict[str, Any] = {name: cells.get(name, "") for name in ("role", "outlet", "team")}
            account = known.get(number)
            if account is None:
                account_id = new_id()
                values |= {
                    "account_id": account_id,
                    "work_number": number,
                    "state": AccountState.INVITED.value,
                    "sealed_name": store.seal_person(account_id, "name", cells["name"]),
                    "created_at": now,
                }
                fresh.append(values)
                changed.append((number, cells["role"]))
                continue
            name = store.open_person(account.account_id, "name", account.sealed_name)
            same = (account.role.value, account.outlet, account.team) == tuple(values.values())
            if same and name.same_as(cells["name"]):
                report.unchanged += 1
                continue
            report.updated += 1
            values["sealed_name"] = store.seal_person(account.account_id, "name", cells["name"])
            people.change(work.connection, account.account_id, values)
            if not same:  # what the old role was signed in for ends with it
                sessions.end_all(work.connection, account.account_id, now)
            if account.role.value != cells["role"]:  # and what it was granted
                grants.end_all_of(work.connection, account.account_id, now)
            changed.append((number, cells["role"]))
        report.added = len(fresh)
        if fresh:
            people.add(work.connection, fresh)
        if dry_run:
            return
        facts: dict[str, Any] = {"added": len(fresh), "updated": report.updated, "unchanged": report.unchanged}
        work.announce(parts.event(now, actor, Action.IMPORT_STAFF, Outcome.DONE, **facts))
        for number, role in changed:  # who was made what, one by one: a role is what a file could smuggle in
            work.announce(parts.event(now, actor, Action.IMPORT_STAFF, Outcome.DONE, account=number, account_role=role))
        work.commit()
