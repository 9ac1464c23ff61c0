"""The page of notices to customers: preparing them, releasing them by two, how far they have come, and the calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

from vault import words
from vault.domain.breach.breach_notices import (
    LANGUAGES,
    MOST_TYPED,
    OUTSTANDING,
    REACHED,
    TYPED,
    CallOutcome,
    CampaignState,
    Channel,
    DoubtDecision,
    RecipientState,
)
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue
from vault.services.breach import (
    breach_notices,
    incident_drafts,
    notice_calls,
    notice_files,
    notice_letters,
    notice_sample,
    notice_sending,
    notice_waiver,
)
from vault.services.breach.breach_notices import Standing, Told, Wish
from vault.services.breach.incident_drafts import DraftKind
from vault.services.breach.notice_calls import ToCall
from vault.services.breach.notice_sample import Sample
from vault.web.api.bodies import JSON
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import done_of, step_up, told

notice_pages = Blueprint("notices", __name__)

_DONE = ("prepared", "released", "run", "ticked", "decided", "posted", "file", "removed", "asked", "confirmed")
_HERE = "/incidents/<hex32:incident>/notices"
_ONE = f"{_HERE}/<hex32:notice>"


@notice_pages.get(_HERE)
@door(Right.INCIDENT_VIEW)
def board(incident: bytes) -> str:
    """Show how telling the customers stands, with what this person may do about it."""
    return _board(incident)


@notice_pages.get(f"{_HERE}/progress")
@door(Right.INCIDENT_VIEW)
def progress(incident: bytes) -> Response:
    """Tell how far it has come, for the page that shows it."""
    standing = breach_notices.standing(parts(), person(), incident, now())
    totals = _totals(standing)
    state = "running" if any(_sends(one) for one in standing.campaigns) else "done"
    document = {"state": state, "settled": totals["settled"], "total": totals["total"], "said": _said(totals)}
    return Response(json.dumps(document, ensure_ascii=False), mimetype=JSON)


@notice_pages.post(_HERE)
@door(Right.INCIDENT)
def prepare(incident: bytes) -> Answer | tuple[str, int]:
    """Prepare notices; what cannot be used is said beside its field."""
    form = request.form
    texts = {language_: {name: form.get(f"{language_}_{name}", "") for name in TYPED} for language_ in LANGUAGES}
    try:
        wish = Wish(
            _id(form.get("radius", ""), "radius"),
            form.get("template", ""),
            _channels(form),
            texts,
            form.get("post_if_leaked", "") == "yes",
        )
        breach_notices.prepare(parts(), person(), incident, wish, now())
    except InvalidValue as invalid:
        return _board(incident, typed=form, errors=told(invalid)), 400
    return _back(incident, "prepared")


@notice_pages.post(f"{_ONE}/sample")
@door(Right.INCIDENT)
def sample(incident: bytes, notice: bytes) -> str:
    """Open one notice as its customer will get it; a form asks for it, because the opening is logged."""
    return _board(incident, sample=notice_sample.sample(parts(), person(), incident, notice, now()))


@notice_pages.post(f"{_ONE}/release")
@door(Right.INCIDENT, fresh=True)
def release(incident: bytes, notice: bytes) -> Answer | tuple[str, int]:
    """Release what a colleague prepared; the digest that was shown goes back with the form."""
    try:
        breach_notices.release(parts(), person(), incident, notice, request.form.get("digest", ""), now())
    except InvalidValue as invalid:
        return _board(incident, errors=told(invalid)), 400
    except AccessRefused as refused:
        if refused.reason != "own_notice":
            raise
        return _board(incident, errors={"digest": words.reason(language(), refused.reason, {})}), 403
    return _back(incident, "released")


@notice_pages.post(f"{_HERE}/run")
@door(Right.INCIDENT)
def run(incident: bytes) -> Answer:
    """Send for a moment, instead of waiting for the timetable, which goes on with it."""
    notice_sending.run_for_a_moment(parts(), person(), incident, now())
    return _back(incident, "run")


@notice_pages.post(f"{_ONE}/doubts")
@door(Right.INCIDENT)
def decide(incident: bytes, notice: bytes) -> Answer:
    """Decide on messages in doubt, of one customer or of all."""
    form = request.form
    record = _id(form["record"], "record") if form.get("record") else None
    decision = _word(DoubtDecision, form.get("decision", ""), "decision")
    notice_calls.decide(parts(), person(), incident, notice, decision, now(), record)
    return _back(incident, "decided")


@notice_pages.post(f"{_HERE}/none")
@door(Right.INCIDENT)
def ask_waiver(incident: bytes) -> Answer | tuple[str, int]:
    """Ask that nobody be told."""
    try:
        notice_waiver.ask(parts(), person(), incident, request.form.get("note", ""), now())
    except InvalidValue as invalid:
        return _board(incident, typed=request.form, errors=told(invalid)), 400
    return _back(incident, "asked")


@notice_pages.post(f"{_HERE}/none/confirmation")
@door(Right.INCIDENT, fresh=True)
def confirm_waiver(incident: bytes) -> Answer | tuple[str, int]:
    """Confirm as the second officer that nobody is told."""
    try:
        notice_waiver.confirm(parts(), person(), incident, request.form.get("digest", ""), now())
    except InvalidValue as invalid:
        return _board(incident, errors=told(invalid)), 400
    except AccessRefused as refused:
        if refused.reason != "own_notice":
            raise
        return _board(incident, errors={"note": words.reason(language(), refused.reason, {})}), 403
    return _back(incident, "confirmed")


# -- calls -------------------------------------------------------------------------------------------------------


@notice_pages.get(f"{_ONE}/calls")
@door(Right.INCIDENT_VIEW)
def calls(incident: bytes, notice: bytes) -> str:
    """List who must be called, by random id."""
    return _calls(incident, notice)


@notice_pages.post(f"{_ONE}/calls/<hex32:record>/number")
@door(Right.INCIDENT_VIEW)
def number(incident: bytes, notice: bytes, record: bytes) -> str:
    """Show one customer's name and number; a form asks for it, because the opening is logged."""
    found = notice_calls.number(parts(), person(), incident, notice, record, now())
    return _calls(incident, notice, record, found)


@notice_pages.post(f"{_ONE}/calls/<hex32:record>/outcome")
@door(Right.INCIDENT_VIEW)
def tick(incident: bytes, notice: bytes, record: bytes) -> Answer:
    """Say how a call went."""
    outcome = _word(CallOutcome, request.form.get("outcome", ""), "outcome")
    notice_calls.tick(parts(), person(), incident, notice, record, outcome, now())
    return redirect(url_for("notices.calls", incident=incident, notice=notice, done="ticked"), 303)


# -- letters, files, drafts --------------------------------------------------------------------------------------


@notice_pages.post(f"{_ONE}/letters")
@door(Right.INCIDENT)
def letters(incident: bytes, notice: bytes) -> str:
    """Make the next page of letters to print; a form asks for it, because the opening is logged."""
    again = request.form.get("again", "") == "yes"
    made = notice_letters.printed(parts(), person(), incident, notice, now(), again=again)
    return render_template(
        "incident_letters.html",
        incident=breach_notices.standing(parts(), person(), incident, now()).incident,
        notice=notice,
        letters=made,
        languages=LANGUAGES,
        back=url_for("notices.board", incident=incident),
    )


@notice_pages.post(f"{_ONE}/letters/posted")
@door(Right.INCIDENT)
def posted(incident: bytes, notice: bytes) -> Answer:
    """Say that the letters of a page went out."""
    ids = [_id(one, "records") for one in request.form.get("records", "").split()]
    notice_letters.posted(parts(), person(), incident, notice, ids, now())
    return _back(incident, "posted")


@notice_pages.post(f"{_ONE}/letters/all-posted")
@door(Right.INCIDENT)
def all_posted(incident: bytes, notice: bytes) -> Answer:
    """Say that all letters went out that were printed, after their page was left."""
    count = request.form.get("count", "")
    if not count.isascii() or not count.isdigit():
        raise InvalidValue("not_a_number", field="count")
    notice_letters.all_posted(parts(), person(), incident, notice, int(count), now())
    return _back(incident, "posted")


@notice_pages.post(f"{_ONE}/files")
@door(Right.INCIDENT)
def make_file(incident: bytes, notice: bytes) -> Answer:
    """Make the file for another sender."""
    notice_files.make(parts(), person(), incident, notice, request.form.get("format", ""), now())
    return _back(incident, "file")


@notice_pages.post(f"{_HERE}/files/<hex32:file>/removal")
@door(Right.INCIDENT)
def remove_file(incident: bytes, file: bytes) -> Answer:
    """Remove a file that was picked up."""
    notice_files.remove(parts(), person(), incident, file, now())
    return _back(incident, "removed")


@notice_pages.get("/incidents/<hex32:incident>/drafts")
@door(Right.INCIDENT_VIEW)
def drafts(incident: bytes) -> str:
    """Show the drafts of the public statement and of the reports to authority and police, to be printed."""
    moment = now()
    found = incident_drafts.draft(parts(), person(), incident, moment)
    wanted = request.args.get("kind", DraftKind.STATEMENT.value)
    return render_template(
        "incident_drafts.html",
        found=found,
        incident=found.incident,
        kinds=list(DraftKind),
        kind=_word(DraftKind, wanted, "kind"),
        today=moment.astimezone(parts().policy.zone).date(),
        back=url_for("notices.drafts", incident=incident),
    )


# -- what the pages show -----------------------------------------------------------------------------------------


def _board(
    incident: bytes,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    sample: Sample | None = None,
) -> str:
    moment, policy = now(), parts().policy
    standing = breach_notices.standing(parts(), person(), incident, moment)
    campaigns = [(one, _wording(incident, one)) for one in standing.campaigns]
    totals = _totals(standing)
    form = typed if typed is not None else MultiDict()
    return render_template(
        "incident_notices.html",
        standing=standing,
        incident=standing.incident,
        campaigns=campaigns,
        radii=breach_notices.radii(parts(), person(), incident, moment),
        templates={key: words.of_policy(language(), one) for key, one in policy.breach_notices.templates.items()},
        channels=[one for one in Channel if one is not Channel.SINK],
        languages=LANGUAGES,
        typed_names=TYPED,
        most=MOST_TYPED,
        states=list(RecipientState),
        outstanding_states=OUTSTANDING,
        decisions=list(DoubtDecision),
        formats=notice_files.FORMATS,
        file_age=policy.breach_notices.file_age(),
        totals=totals,
        said=_said(totals),
        sends=any(_sends(one) for one in standing.campaigns),
        works=policy.allows(person().role, Right.INCIDENT) and not standing.incident.is_closed,
        confirm=step_up(moment),
        sample=sample,
        typed=form,
        chosen=_chosen(form),
        errors=errors or {},
        done=done_of(_DONE),
        back=url_for("notices.board", incident=incident),
    )


def _calls(incident: bytes, notice: bytes, record: bytes = b"", found: ToCall | None = None) -> str:
    moment = now()
    after = request.args.get("after", "")
    listed = notice_calls.listed(parts(), person(), incident, notice, moment, _id(after, "after") if after else b"")
    standing = breach_notices.standing(parts(), person(), incident, moment)
    script = breach_notices.wording(parts(), person(), incident, notice, moment)
    return render_template(
        "incident_calls.html",
        incident=standing.incident,
        notice=notice,
        listed=listed,
        more=len(listed) == notice_calls.PAGE,
        record=record,
        found=found,
        script=script,
        languages=LANGUAGES,
        outcomes=list(CallOutcome),
        most=parts().policy.breach_notices.call_tries,
        done=done_of(_DONE),
        back=url_for("notices.calls", incident=incident, notice=notice),
    )


def _wording(incident: bytes, one: Told) -> Mapping[str, Any]:
    return breach_notices.wording(parts(), person(), incident, one.campaign.campaign_id, now())


def _totals(standing: Standing) -> dict[str, int]:
    released = [one for one in standing.campaigns if one.campaign.state is CampaignState.RELEASED]
    by_state = [one.by_state() for one in released]
    reached = sum(states.get(state, 0) for states in by_state for state in REACHED)
    total, left = sum(one.total for one in released), sum(one.left for one in released)
    return {"total": total, "settled": total - left, "reached": reached}


def _said(totals: Mapping[str, int]) -> str:
    say = words.translator(language())
    return say("{settled} of {total} customers settled, {reached} of them reached", **totals)


def _sends(one: Told) -> bool:
    """Return whether the timetable has something to send of a campaign."""
    if one.campaign.state is not CampaignState.RELEASED:
        return False
    own = (Channel.MAIL.value, Channel.SINK.value)
    under_way = (RecipientState.WAITING, RecipientState.SENDING)
    return any(count and channel in own and state in under_way for (channel, state), count in one.counts.items())


def _channels(form: Mapping[str, str]) -> list[Channel]:
    """Return the ticked channels in the order of the page; the vault's own first."""
    return [one for one in Channel if form.get(f"channel_{one.value}") == "yes"]


def _chosen(form: Mapping[str, str]) -> set[str]:
    return {one.value for one in _channels(form)} if form else {Channel.MAIL.value, Channel.LETTER.value}


def _id(text: str, field: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 16:  # noqa: PLR2004 - bytes of a random id
        raise InvalidValue("not_on_list", field=field)
    return found


def _word(kind: Any, text: str, field: str) -> Any:  # noqa: ANN401 - any closed list
    try:
        return kind(text)
    except ValueError:
        raise InvalidValue("not_on_list", field=field) from None


def _back(incident: bytes, done: str) -> Answer:
    return redirect(url_for("notices.board", incident=incident, done=done), 303)
