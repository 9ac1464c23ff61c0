"""Emergency drills at the terminal: beginning one, how fast each was, and which months had theirs (EM-09)."""

from __future__ import annotations

import sys

import click

from vault import words
from vault.cli.incident import local, maybe_as_option, whoever
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.breach.incidents import IncidentKind
from vault.domain.policy import Policy
from vault.services.breach import drills, incidents
from vault.services.breach.drills import Card


@click.group("drill")
def drill_group() -> None:
    """应急演练,每月一次 · Emergency drills, one a month."""


@drill_group.command("begin")
@click.option(
    "--kind",
    type=click.Choice([one.value for one in IncidentKind]),
    default=IncidentKind.LEAK.value,
    show_default=True,
    help="演练内容 · what is rehearsed",
)
@maybe_as_option
@json_option
def begin(kind: str, acting_as: str | None, *, as_json: bool) -> None:
    """开始演练:虚构客户,走真实流程 · Begin one: made-up customers, the path of a real incident."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, whoever(config, parts, acting_as) as who:
        incident_id = drills.begin(parts, who, IncidentKind(kind), now())
        guide = drills.guided(parts, who, incident_id, now())
    if as_json:
        show_json(_document(guide.card) | {"customers": guide.customers})
        return
    click.echo(say("Drill {id}: {count} made-up customers").format(id=incident_id.hex(), count=guide.customers))
    if guide.next is not None:
        click.echo(say("Next: {step}").format(step=words.name(config.language, "drill_step", guide.next.value)))


@drill_group.command("score")
@click.argument("incident")
@maybe_as_option
@json_option
def score(incident: str, acting_as: str | None, *, as_json: bool) -> None:
    """显示演练用时与评分 · Tell how fast a drill was; exit code 1 while it is not over, or if it was too slow."""
    config = load_config()
    with vault(config) as parts, whoever(config, parts, acting_as) as who:
        incident_id = incidents.found(parts, incident)
        card, policy = drills.guided(parts, who, incident_id, now()).card, parts.policy
    if as_json:
        show_json(_document(card))
    else:
        _tell(config, policy, card)
    if card.drill.score is None or not card.drill.score.passed:
        sys.exit(FOUND)


@drill_group.command("list")
@maybe_as_option
@json_option
def list_drills(acting_as: str | None, *, as_json: bool) -> None:
    """列出各月与历次演练 · List the months, and the drills with their scores."""
    config = load_config()
    with vault(config) as parts, whoever(config, parts, acting_as) as who:
        found, policy = drills.overview(parts, who, now()), parts.policy
    if as_json:
        months = [{"month": f"{one.first:%Y-%m}", "state": one.state.value} for one in found.months]
        show_json({"due": found.due, "months": months, "drills": [_document(one) for one in found.cards]})
        return
    for one in found.months:
        click.echo(f"{one.first:%Y-%m}  {words.name(config.language, 'drill_month', one.state.value)}")
    for card in found.cards:
        _tell(config, policy, card)


def _document(card: Card) -> dict[str, object]:
    score = card.drill.score
    return {
        "incident": card.drill.incident_id.hex(),
        "state": card.drill.state.value,
        "opened_at": card.drill.opened_at.isoformat(),
        "opened_by": card.drill.opened_by,
        "month": None if score is None else f"{score.month:%Y-%m}",
        "passed": None if score is None else score.passed,
        "event": None if score is None else score.event_id.hex(),
        "lines": [
            {"measure": one.measure.value, "seconds": one.seconds, "target": one.target, "passed": one.passed}
            for one in card.lines
        ],
    }


def _tell(config: Config, policy: Policy, card: Card) -> None:
    say, language = speaker(config), config.language
    state = words.name(language, "incident_state", card.drill.state.value)
    if card.drill.score is not None:
        state = say("all in time") if card.drill.score.passed else say("too slow")
    click.echo(f"{card.drill.incident_id.hex()}  {local(policy, card.drill.opened_at)}  {state}")
    for line in card.lines:
        name = words.name(language, "drill_measure", line.measure.value)
        open_still = card.drill.score is None and line.seconds is None
        took = f"{line.seconds} s" if line.seconds is not None else say("not yet") if open_still else say("not done")
        sign = "–" if open_still else "✓" if line.passed else "✗"
        click.echo(f"  {sign} {name}: {took} / {line.target} s")
