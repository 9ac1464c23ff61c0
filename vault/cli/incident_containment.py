"""Containing an incident at the terminal: what a measure reaches, taking it, ending it, and what is frozen now."""

from __future__ import annotations

from datetime import UTC

import click

from vault import words
from vault.cli.acting import acting, as_option
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.cli.progress import progress
from vault.config import Config, load_config
from vault.domain.breach.containment import Containment, Measure
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.services.breach import containment, containment_reading, incidents
from vault.services.breach.containment import Progress
from vault.services.breach.containment_reading import Preview
from vault.services.steps.parts import Parts


@click.command("contain")
@click.argument("incident")
@click.argument("measure", type=click.Choice([one.value for one in Measure]))
@click.option("--target", default="", help="工号;收回授权可用客户编号,保留证据可用影响范围编号 · work number or id")
@click.option("--note", default="", help="说明或解除原因,加密保存 · a note, or why it ends; kept sealed")
@click.option("--take", "act", flag_value="take", default=True, help="采取,默认 · take it, the default")
@click.option("--dry-run", "act", flag_value="dry_run", help="只统计影响 · only count what it reaches")
@click.option("--end", "act", flag_value="end", help="解除 · end it")
@click.option("--keep", "act", flag_value="keep", help="结案后保留 · let it outlast the incident")
@as_option
@json_option
def contain(incident: str, measure: str, target: str, note: str, act: str, acting_as: str, *, as_json: bool) -> None:
    """采取或解除控制措施,下一次请求起生效 · Take or end a measure: in force from the next request on.

    解除和保留须有 --note 说明原因。Ending and keeping need --note. A hold on evidence goes on where it was stopped.
    """
    config, chosen = load_config(), Measure(measure)
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        incident_id = incidents.found(parts, incident)
        if act == "dry_run":
            seen = containment_reading.preview(parts, person, incident_id, chosen, target, now())
            _tell_reach(config, parts.policy, seen, as_json=as_json)
            return
        if act in ("end", "keep"):
            move = containment.end if act == "end" else containment.keep
            standing = containment_reading.standing_one(parts, person, incident_id, chosen, target, now())
            one = move(parts, person, incident_id, standing.containment_id, note, now())
        else:
            with progress(say("Holding evidence"), quiet=as_json) as told:
                one = _taken(parts, person, incident_id, chosen, target, note, told)
        policy = parts.policy
    _tell(config, policy, one, as_json=as_json)


@click.command("measures")
@click.argument("incident")
@as_option
@json_option
def measures(incident: str, acting_as: str, *, as_json: bool) -> None:
    """列出事件的控制措施和当前冻结 · List the measures of an incident, and what is frozen now."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        shown = containment_reading.shown(parts, person, incidents.found(parts, incident), now())
        policy = parts.policy
    if as_json:
        lines = [_document(one.containment) | {"account": one.work_number} for one in shown.taken]
        in_force = {one.value: since.isoformat() for one, since in shown.in_force.items()}
        show_json({"measures": lines, "in_force": in_force})
        return
    for line in shown.taken:
        _tell(config, policy, line.containment, as_json=False, about=line.work_number)
    for one, since in shown.in_force.items():
        at = since.astimezone(policy.zone).strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"! {words.name(config.language, 'frozen', one.value)} {at}")


COMMANDS = (contain, measures)


def _taken(
    parts: Parts, person: Person, incident_id: bytes, measure: Measure, target: str, note: str, told: Progress
) -> Containment:
    """Take a measure; a hold on evidence that stands already goes on."""
    if measure is not Measure.HOLD_EVIDENCE:
        return containment.take(parts, person, incident_id, measure, target, note, now())
    known = [
        one.containment
        for one in containment_reading.shown(parts, person, incident_id, now()).taken
        if one.is_unfinished and target.strip().lower() in ("", one.containment.target.hex())
    ]
    one = known[0] if known else containment.take(parts, person, incident_id, measure, target, note, now())
    containment.hold_on(parts, person, incident_id, one.containment_id, now(), progress=told, for_ever=True)
    return one


def _tell_reach(config: Config, policy: Policy, seen: Preview, *, as_json: bool) -> None:
    if as_json:
        show_json({"measure": seen.measure.value, "account": seen.work_number, "drill": seen.drill} | dict(seen.counts))
        return
    name = words.of_policy(config.language, policy.containment.measures[seen.measure])
    told = ", ".join(f"{count} {words.name(config.language, 'reach', word)}" for word, count in seen.counts.items())
    click.echo(" ".join(part for part in (f"{name}:", seen.work_number, told) if part))


def _tell(config: Config, policy: Policy, one: Containment, *, as_json: bool, about: str = "") -> None:
    if as_json:
        show_json(_document(one))
        return
    say = speaker(config)
    name = words.of_policy(config.language, policy.containment.measures[one.measure])
    stands = say("stands") if one.is_standing else say("ended") if one.measure.stands else say("done at once")
    parts = [one.containment_id.hex(), name, about, stands, say("rehearsed") if one.rehearsed else ""]
    click.echo("  ".join(part for part in parts if part))


def _document(one: Containment) -> dict[str, object]:
    return {
        "id": one.containment_id.hex(),
        "measure": one.measure.value,
        "target": one.target.hex(),
        "affected": one.affected,
        "rehearsed": one.rehearsed,
        "standing": one.is_standing,
        "taken_at": one.taken_at.astimezone(UTC).isoformat(),
        "ended_at": one.ended_at.astimezone(UTC).isoformat() if one.ended_at else None,
        "kept_at": one.kept_at.astimezone(UTC).isoformat() if one.kept_at else None,
    }
