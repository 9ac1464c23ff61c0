"""The page of an incident's containment: what is in force, what a measure would reach, taking and ending it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.breach.containment import Measure, Target
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound, VaultError
from vault.services.breach import containment, containment_reading
from vault.services.breach.containment_reading import Preview
from vault.services.steps.breach.incidents import NOTE_LENGTH
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import done_of, step_up

containment_pages = Blueprint("incident_containment", __name__)

Answer = TypeVar("Answer")

_DONE = ("taken", "ended", "kept", "held", "holding")
_OF_THE_FORM = frozenset({"account", "record", "radius_to_hold", "own_account", "last_administrator"})
"""Refusals that are said beside the target."""


@containment_pages.get("/incidents/<hex32:incident>/containment")
@door(Right.INCIDENT_VIEW)
def view(incident: bytes) -> str:
    """Show the measures of an incident, and those that can be taken."""
    return _page(incident)


@containment_pages.post("/incidents/<hex32:incident>/containment/preview")
@door(Right.INCIDENT)
def preview(incident: bytes) -> str | tuple[str, int]:
    """Count what a measure would reach; nothing is changed."""
    measure, target = _wish()

    def look() -> str:
        """Show what the measure would reach."""
        seen = containment_reading.preview(parts(), person(), incident, measure, target, now())
        return _page(incident, seen=seen)

    return _said(incident, look)


@containment_pages.post("/incidents/<hex32:incident>/containment")
@door(Right.INCIDENT)
def take(incident: bytes) -> Response | str | tuple[str, int]:
    """Take a measure; with a hold on evidence the first records are held at once."""
    measure, target = _wish()

    def act() -> Response:
        """Take it, and for a hold on evidence begin to hold."""
        one = containment.take(parts(), person(), incident, measure, target, request.form.get("note", ""), now())
        if measure is Measure.HOLD_EVIDENCE:
            return _hold_on(incident, one.containment_id)
        return _back(incident, "taken")

    return _said(incident, act)


@containment_pages.post("/incidents/<hex32:incident>/containment/<hex32:measure>/hold")
@door(Right.INCIDENT)
def hold_on(incident: bytes, measure: bytes) -> Response:
    """Go on with a hold on evidence that was too long for one request."""
    return _hold_on(incident, measure)


@containment_pages.post("/incidents/<hex32:incident>/containment/<hex32:measure>/end")
@door(Right.INCIDENT, fresh=True)
def end(incident: bytes, measure: bytes) -> Response | str | tuple[str, int]:
    """End a measure, with a reason."""

    def act() -> Response:
        """End it."""
        containment.end(parts(), person(), incident, measure, request.form.get("note", ""), now())
        return _back(incident, "ended")

    return _said(incident, act, f"end-{measure.hex()}")


@containment_pages.post("/incidents/<hex32:incident>/containment/<hex32:measure>/keep")
@door(Right.INCIDENT, fresh=True)
def keep(incident: bytes, measure: bytes) -> Response | str | tuple[str, int]:
    """Let a measure outlast its incident, with a reason."""

    def act() -> Response:
        """Keep it."""
        containment.keep(parts(), person(), incident, measure, request.form.get("note", ""), now())
        return _back(incident, "kept")

    return _said(incident, act, f"end-{measure.hex()}")


def _wish() -> tuple[Measure, str]:
    chosen = request.form.get("measure", "")
    if chosen not in list(Measure):
        raise InvalidValue("not_on_list", field="measure")
    return Measure(chosen), request.form.get("target", "").strip()


def _said(incident: bytes, act: Callable[[], Answer], place: str = "target") -> Answer | tuple[str, int]:
    """Do it, or say beside its field why it was not done."""
    status = 400
    try:
        return act()
    except InvalidValue as invalid:
        refusal: VaultError = invalid
        place = str(invalid.facts.get("field", place)) if place == "target" else place
    except AlreadyDecided as decided:
        refusal, status = decided, 409
    except (AccessRefused, NotFound) as refused:
        if refused.reason not in _OF_THE_FORM:
            raise
        refusal, status = refused, 403 if isinstance(refused, AccessRefused) else 404
    told = words.reason(language(), refusal.reason, refusal.facts)
    return _page(incident, errors={place: told, "any": told}), status


def _hold_on(incident: bytes, measure: bytes) -> Response:
    done = containment.hold_on(parts(), person(), incident, measure, now())
    return _back(incident, "held" if done else "holding")


def _page(incident: bytes, *, seen: Preview | None = None, errors: Mapping[str, str] | None = None) -> str:
    moment = now()
    shown = containment_reading.shown(parts(), person(), incident, moment)
    rules = parts().policy.containment.measures
    return render_template(
        "incident_containment.html",
        incident=shown.incident,
        shown=shown,
        names={one.value: words.of_policy(language(), rule) for one, rule in rules.items()},
        outlasting={one.value for one, rule in rules.items() if rule.outlasts},
        freezes=[one for one in shown.mine if one.target is Target.VAULT],
        of_accounts=[one for one in shown.mine if one.of_an_account],
        holds=Measure.HOLD_EVIDENCE in shown.mine,
        acts=parts().policy.allows(person().role, Right.INCIDENT),
        seen=seen,
        most_note=NOTE_LENGTH,
        confirm=step_up(moment),
        typed=request.form,
        errors=errors or {},
        done=done_of(_DONE),
        back=url_for("incident_containment.view", incident=incident),
    )


def _back(incident: bytes, done: str) -> Response:
    return redirect(url_for("incident_containment.view", incident=incident, done=done), 303)
