"""What an import did, row by row where something is wrong; numbers and names of columns only, never a value."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_LISTED = 10_000
"""Bounds the memory of a report on a file that is wrong everywhere; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One bad row, or the file as a whole (line 0).

    Args:
        line: line on which the row begins.
        reason: reason id.
        field: our field name, if one is at fault.
        column: the file's header for it.
    """

    line: int
    reason: str
    field: str = ""
    column: str = ""


@dataclass(slots=True)
class ImportReport:
    """Counts and lists of one import."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    bad: int = 0
    faults: list[Fault] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)
    late: int = 0
    late_lines: list[int] = field(default_factory=list)
    missing_notice: int = 0
    missing_notice_lines: list[int] = field(default_factory=list)
    same_phones: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every row was good and nothing was left because it had changed in the vault."""
        return not self.bad and not self.conflicts

    def fault(self, fault: Fault) -> None:
        """Note a bad row."""
        self.bad += 1
        if len(self.faults) < MOST_LISTED:
            self.faults.append(fault)

    def conflict(self, line: int) -> None:
        """Note a row whose record was changed in the vault since its import; it was not overwritten."""
        self.conflicts.append(line)

    def late_line(self, line: int) -> None:
        """Note a service that was entered too late (CE-02)."""
        self.late += 1
        if len(self.late_lines) < MOST_LISTED:
            self.late_lines.append(line)

    def missing_notice_line(self, line: int) -> None:
        """Note a customer without a recorded notice (CE-01)."""
        self.missing_notice += 1
        if len(self.missing_notice_lines) < MOST_LISTED:
            self.missing_notice_lines.append(line)

    def same_phone(self, first: int, second: int, column: str) -> None:
        """Warn that two lines carry one phone number."""
        if len(self.same_phones) < MOST_LISTED:
            self.same_phones.append((first, second, column))
