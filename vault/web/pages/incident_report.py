"""The page of an incident's closing report, as it is read and printed, and its files to take home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, render_template, url_for

from vault import words
from vault.domain.breach.containment import Measure
from vault.domain.breach.incidents import SHORT_DIGITS
from vault.domain.rules.access import Right
from vault.services.breach import incident_report
from vault.web.downloads import attachment
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.incident_timeline import told_of

incident_report_pages = Blueprint("incident_report", __name__)

_MOST_ALIKE = 5
"""So many lines of one kind in a row are all shown."""


@incident_report_pages.get("/incidents/<hex32:incident>/report")
@door(Right.INCIDENT_VIEW)
def one(incident: bytes) -> str:
    """Show the report, to be printed too."""
    report = incident_report.show(parts(), person(), incident, now())
    spoken, policy = "en" if language() == words.ENGLISH else "zh", parts().policy
    return render_template(
        "incident_closing_report.html",
        report=report,
        incident=report.incident,
        told=report.document,
        short=report.incident.incident_id.hex()[:SHORT_DIGITS].upper(),
        spoken=spoken,
        company=report.document["company"][spoken],
        zone=policy.zone.key,
        measure_name=_measure_name,
        timeline=_folded(report.document["timeline"]),
        told_of=told_of,
        entry_page=lambda event: url_for("log_proof.view", event=bytes.fromhex(event)),
        reads_log=policy.allows(person().role, Right.LOG_READ),
        back=url_for("incident_report.one", incident=incident),
    )


@incident_report_pages.post("/incidents/<hex32:incident>/report/files")
@door(Right.INCIDENT_VIEW)
def take(incident: bytes) -> Response:
    """Send the report with its proof and the verifier; a form asks for it, because it is logged."""
    moment = now()
    taken = incident_report.take(parts(), person(), incident, moment)
    return attachment(incident_report.zipped(parts(), taken, moment))


def _folded(timeline: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """Return lines with how many of the same kind were left out behind each: of many in a row the first and last stay.

    A thousand calls would fill twenty sheets; the files hold every line.
    """
    told: list[tuple[Mapping[str, Any], int]] = []
    for _, some in groupby(timeline, key=lambda line: (line["action"], line["outcome"])):
        lines = list(some)
        if len(lines) <= _MOST_ALIKE:
            told += [(line, 0) for line in lines]
        else:
            told += [(lines[0], len(lines) - 2), (lines[-1], 0)]
    return told


def _measure_name(measure: str) -> str:
    """Return what the policy calls a measure; one that it does not know stays as it is."""
    rules: Any = parts().policy.containment.measures
    rule = rules.get(measure) if measure in set(Measure) else None
    return measure if rule is None else words.of_policy(language(), rule)
