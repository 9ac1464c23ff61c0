"""Commands about accounts."""

from __future__ import annotations

import click

from vault import bootstrap, words
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.services import people as people_service
from vault.storage import people


@click.group("user")
def user_group() -> None:
    """账号 · Accounts."""


@user_group.command("invite")
@click.argument("work_number")
@json_option
def invite(work_number: str, *, as_json: bool) -> None:
    """打印一次性激活码(24 小时) · Print a one-time secret for an account (24 hours)."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts:
        secret = people_service.invite(parts, bootstrap.operator(config), work_number, now())
    if as_json:
        show_json({"work_number": work_number.upper(), "secret": secret})
        return
    click.echo(say("One-time secret (shown once, 24 hours): {secret}").format(secret=secret))


@user_group.command("list")
@json_option
def list_users(*, as_json: bool) -> None:
    """列出账号,不含姓名 · List accounts, without names."""
    config = load_config()
    with vault(config) as parts, parts.database.read() as connection:
        accounts, roles = people.every(connection), parts.policy.roles
    if as_json:
        show_json(
            [
                {
                    "work_number": one.work_number,
                    "role": one.role.value,
                    "outlet": one.outlet,
                    "team": one.team,
                    "state": one.state.value,
                }
                for one in accounts
            ]
        )
        return
    for one in accounts:
        role = words.of_policy(config.language, roles[one.role])
        state = words.name(config.language, "account", one.state.value)
        click.echo(f"{one.work_number:12} {one.outlet:10} {one.team:4} {role} {state}")
