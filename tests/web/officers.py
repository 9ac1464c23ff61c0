"""More people in the small vault of the front door."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.simulator import MAPPINGS, staff_row, write_file
from tests.web.conftest import Front, let_in
from vault import bootstrap
from vault.services import intake_staff


def add_officer(front: Front, work_number: str, folder: Path, name: str = "上官雨") -> None:
    """Let another officer of information management work there."""
    now, actor = datetime.now(UTC), bootstrap.operator(front.config)
    file = write_file(folder / "officer.csv", "staff", [staff_row(work_number, role="imd", team="") | {"name": name}])
    assert not intake_staff.import_staff(front.parts, actor, file, MAPPINGS, now).faults
    front.passwords[work_number] = let_in(front.parts, actor, work_number, now)  # type: ignore[index]  # its own dict
