"""Commands that judge and explain the company's rules from the files alone, and what others would do to a vault."""

from __future__ import annotations

import sys
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from vault import bootstrap, words
from vault.cli.output import CANNOT, FOUND, json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.contradictions import contradictions
from vault.domain.explain import Explanation, Line, explain
from vault.domain.ids import Role
from vault.domain.policy import Policy
from vault.domain.policy_checks import unused_findings, weakness_findings
from vault.domain.rules.access import PurposeKind, Right, Scope
from vault.errors import AccessRefused, PolicyError
from vault.services import policy_effect as policy_effect_service
from vault.storage.policy_files import load_policy, read_policy


@click.group("policy")
def policy_group() -> None:
    """制度规则 · The company's rules."""


@policy_group.command("check")
@json_option
def policy_check(*, as_json: bool) -> None:
    """检查 policies/ 下的规则 · Check the rules."""
    config = load_config()
    say = speaker(config)
    try:
        policy = read_policy(config.policies_dir)
    except PolicyError as error:
        if as_json:
            show_json({"holds": False, "reason": error.reason, "facts": error.facts})
        else:
            click.echo(words.reason(config.language, error.reason, error.facts), err=True)
        sys.exit(FOUND if config.policies_dir.is_dir() else CANNOT)
    broken = list(dict.fromkeys(contradictions(policy)))
    # What is weak or unused is only asked of rules that stand: a missing role would answer with an error.
    found = broken or list(dict.fromkeys(chain(weakness_findings(policy), unused_findings(policy))))
    if as_json:
        show_json(
            {
                "holds": not found,
                "digest": policy.digest,
                "roles_that_look_up": [] if broken else _readers(policy),
                "findings": [{"reason": reason, "place": place} for reason, place in found],
            }
        )
    else:
        for reason, place in found:
            click.echo(words.reason(config.language, reason, {"place": place}), err=True)
        if not found:
            click.echo(say("The rules hold. Digest {digest}").format(digest=policy.digest))
    if found:
        sys.exit(FOUND)


@policy_group.command("explain")
@click.option("--as", "role", required=True, type=click.Choice([role.value for role in Role]), help="角色 · role")
@click.option("--purpose", required=True, help="用途 · purpose")
@json_option
def policy_explain(role: str, purpose: str, *, as_json: bool) -> None:
    """某角色以某用途能看到什么 · What a role sees for a purpose, field by field."""
    config = load_config()
    say, policy = speaker(config), load_policy(config.policies_dir)
    if purpose not in policy.purposes:
        known = ", ".join(name for name, rule in policy.purposes.items() if rule.kind is not PurposeKind.FORBIDDEN)
        raise click.BadParameter(known, param_hint="--purpose")
    try:
        found = explain(policy, Role(role), purpose)
    except AccessRefused as refused:
        if as_json:
            show_json({"role": role, "purpose": purpose, "refused": refused.reason})
        else:
            name = words.of_policy(config.language, policy.purposes[purpose])
            refusal = say("{purpose}: a forbidden purpose. Customer data is never used for it (UL-02).")
            click.echo(refusal.format(purpose=name), err=True)
        sys.exit(FOUND)
    if as_json:
        show_json(_document(policy, found))
    else:
        _print(config, policy, found)


@policy_group.command("effect")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def policy_effect(folder: Path, *, as_json: bool) -> None:
    """若改用 FOLDER 中的规则,各类记录的到期时间如何变化;不作任何更改 · What other rules would do to expiries."""
    config = load_config()
    say = speaker(config)
    new = load_policy(folder)
    with vault(config) as parts:
        found = policy_effect_service.effect(parts, bootstrap.operator(config), new, now())
        old_digest = parts.policy.digest
    if as_json:
        classes = {record_class.value: asdict(one) for record_class, one in found.items()}
        show_json({"in_force": old_digest, "new": new.digest, "classes": classes})
        return
    for record_class, one in found.items():
        name = words.name(config.language, "class", record_class.value)
        told = say(
            "{name}: of {records} records {earlier} would fall due earlier, {due_at_once} of them at once; "
            "{later} later, {no_longer_due} of them are past their time now"
        )
        click.echo(told.format(name=name, **asdict(one)))
    click.echo(say("Nothing was changed. Records follow within a day after the rules are loaded."))


def _readers(policy: Policy) -> list[str]:
    return [
        role.value
        for role, rule in policy.roles.items()
        if Right.LOOKUP in rule.rights and rule.scope is not Scope.NONE
    ]


def _document(policy: Policy, found: Explanation) -> dict[str, object]:
    rules = {"role": policy.roles[found.role].id, "purpose": policy.purposes[found.purpose].id}
    limits = policy.limits
    return {
        "role": found.role.value,
        "purpose": found.purpose,
        "rules": rules,
        "may_choose": found.may_choose,
        "in_plans": found.in_plans,
        "scope": policy.roles[found.role].scope.value,
        "scope_rules": found.scope_rules,
        "verified_first": found.verified_first,
        "rights": found.rights,
        "quota": None if found.quota is None else asdict(found.quota),
        "limits": {
            "window_hours": limits.window_hours,
            "warn_customers": limits.warn_customers,
            "alarm_customers": limits.alarm_customers,
        },
        "fields": [
            {
                "part": line.part,
                "class": line.record_class.value,
                "field": line.field,
                "view": line.view.value,
                "mask": line.mask,
                "example": line.example,
                "rules": line.rules,
            }
            for line in found.lines
        ],
        "digest": policy.digest,
    }


def _print(config: Config, policy: Policy, found: Explanation) -> None:
    say, language = speaker(config), config.language
    role, purpose = policy.roles[found.role], policy.purposes[found.purpose]
    click.echo(f"{words.of_policy(language, role)} ({role.id}) · {words.of_policy(language, purpose)} ({purpose.id})")
    if found.in_plans:
        click.echo(say("In the sample of a plan of destruction, and nowhere else:"))
        for line in found.lines:
            _print_line(language, line)
        return
    if not found.may_choose:
        click.echo(say("This role may not look up for this purpose, so it sees nothing."))
        return
    scopes = [
        words.name(language, "rule", rule)
        + (f" ({say('the caller proves who they are first')})" if rule in found.verified_first else "")
        for rule in found.scope_rules
    ]
    click.echo(f"{say('Scope')}: {'; '.join(scopes)}")
    click.echo(f"{say('Rights')}: {', '.join(found.rights)}")
    if found.quota is not None:
        quota = say(
            "Quota: {lookups_hour} look-ups an hour, {lookups_day} a day; {reveals_hour} reveals, {reveals_day}"
        )
        click.echo(quota.format(**asdict(found.quota)))
    part = None
    for line in found.lines:
        if line.part != part:
            part = line.part
            click.echo()
            click.echo(
                words.name(language, "rule" if part == "other_party" else "part", part)
                if part
                else say("A record in scope")
            )
        _print_line(language, line)


def _print_line(language: str, line: Line) -> None:
    place = f"{line.record_class.value}.{line.field}"
    seen = f"{words.name(language, 'view', line.view.value)} {line.mask}".strip()
    why = ", ".join(line.rules)
    click.echo(f"  {place:32} {seen}" + (f"  {line.example}" if line.example else "") + (f"  [{why}]" if why else ""))
