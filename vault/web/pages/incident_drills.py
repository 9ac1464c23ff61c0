"""The pages of drills: which months had theirs and how fast each was, beginning one, and being led through it."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault.domain.breach.drills import GuideStep
from vault.domain.breach.incidents import IncidentKind
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services.breach import drills
from vault.web.gate import door, now, parts, person

incident_drill_pages = Blueprint("incident_drills", __name__)

PARTS = {GuideStep.LIST: "radius", GuideStep.CONTAIN: "containment", GuideStep.NOTIFY: "notices"}
"""On which page of the incident a step is done; every other one on its overview."""


@incident_drill_pages.get("/incidents/drills")
@door(Right.INCIDENT_VIEW)
def listed() -> str:
    """Show the months and the drills, with what each was scored."""
    return render_template(
        "incident_drills.html",
        found=drills.overview(parts(), person(), now()),
        rule=parts().policy.drills,
        kinds=list(IncidentKind),
        may_begin=parts().policy.allows(person().role, Right.INCIDENT),
        back=url_for("incident_drills.listed"),
    )


@incident_drill_pages.post("/incidents/drills")
@door(Right.INCIDENT)
def begin() -> Response:
    """Begin a drill, and go on to its guide."""
    try:
        kind = IncidentKind(request.form.get("kind", ""))
    except ValueError:
        raise InvalidValue("not_on_list", field="kind") from None
    incident_id = drills.begin(parts(), person(), kind, now())
    return redirect(url_for("incident_drills.guide", incident=incident_id), 303)


@incident_drill_pages.get("/incidents/<hex32:incident>/drill")
@door(Right.INCIDENT_VIEW)
def guide(incident: bytes) -> str:
    """Lead through a drill: what is done, what comes next and where."""
    found = drills.guided(parts(), person(), incident, now())
    return render_template(
        "incident_drill.html",
        found=found,
        incident=found.incident,
        steps=list(GuideStep),
        parts_of=PARTS,
        back=url_for("incident_drills.guide", incident=incident),
    )
