"""The compliance report at the terminal, and for programs."""

from __future__ import annotations

import base64
import sys

import click

from vault import bootstrap, words
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.domain.compliance import Answer, Standing
from vault.services import compliance as compliance_service
from vault.services import log as log_service

_MARKS = {Standing.IN_LINE: "✓", Standing.EXCEPTION: "✗", Standing.NOT_BUILT: "–"}


@click.command("compliance")
@json_option
def compliance(*, as_json: bool) -> None:
    """逐条对照制度条款的合规报告 · Clause by clause: the rule in force, the evidence, in line or not."""
    config = load_config()
    with vault(config) as parts:
        log_service.settle(parts, now())  # so that the checkpoint it names covers what it counts
        report = compliance_service.draw(parts, bootstrap.operator(config), now())
        zone = parts.policy.zone
    if as_json:
        show_json(compliance_service.document(report))
    else:
        say = speaker(config)
        click.echo(
            say("Compliance report of {time}").format(time=report.at.astimezone(zone).strftime("%Y-%m-%d %H:%M"))
        )
        signed = report.checkpoint
        if signed is not None:
            root = base64.b64encode(signed.root).decode()
            click.echo(
                say("Drawn from the checkpoint over {size} events, root {root}").format(size=signed.size, root=root)
            )
        for answer in report.answers:
            _show(config.language, answer)
        counts = {standing.value: report.count(standing) for standing in Standing}
        click.echo(say("{in_line} in line, {exception} with exceptions, {not_built} not built yet").format(**counts))
    if not report.in_line:
        sys.exit(FOUND)


def _show(language: str, answer: Answer) -> None:
    clause = answer.clause
    standing = words.name(language, "standing", answer.standing.value)
    text = clause.en if language == words.ENGLISH else clause.zh
    click.echo(f"{_MARKS[answer.standing]} {clause.id} [{standing}] {text}")
    for one in (*answer.rules, *answer.evidence):
        click.echo(f"    {words.told(language, 'compliance', one.word, one.facts)}")
