"""Commands about accounts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import click

from vault import bootstrap, words
from vault.cli.acting import acting, as_option
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.domain.people import AccountState, Person
from vault.services import accounts, offboarding, returns
from vault.services import people as people_service
from vault.services.offboarding import Leaving
from vault.services.steps.parts import Parts
from vault.storage import people

_Act = Callable[[Parts, Person, str, datetime], AccountState]


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


@user_group.command("suspend")
@click.argument("work_number")
@as_option
@json_option
def suspend(work_number: str, acting_as: str, *, as_json: bool) -> None:
    """停用账号（请假） · Suspend an account for a leave of absence; its sessions end at once."""
    _act(accounts.suspend, work_number, acting_as, as_json=as_json)


@user_group.command("lock")
@click.argument("work_number")
@as_option
@json_option
def lock(work_number: str, acting_as: str, *, as_json: bool) -> None:
    """紧急锁定账号 · Lock an account in an emergency; its sessions end at once."""
    _act(accounts.lock, work_number, acting_as, as_json=as_json)


@user_group.command("unlock")
@click.argument("work_number")
@as_option
@json_option
def unlock(work_number: str, acting_as: str, *, as_json: bool) -> None:
    """恢复锁定或停用的账号 · Bring a locked or suspended account back."""
    _act(accounts.unlock, work_number, acting_as, as_json=as_json)


@user_group.command("reset")
@click.argument("work_number")
@as_option
@json_option
def reset(work_number: str, acting_as: str, *, as_json: bool) -> None:
    """重置密码，打印一次性激活码 · Take a password away and print a one-time secret for the next one."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        secret = accounts.reset(parts, person, work_number, now())
    if as_json:
        show_json({"work_number": work_number.strip().upper(), "secret": secret})
        return
    click.echo(speaker(config)("One-time secret (shown once, 24 hours): {secret}").format(secret=secret))


@user_group.command("confirm-return")
@click.argument("work_number")
@as_option
@json_option
def confirm_return(work_number: str, acting_as: str, *, as_json: bool) -> None:
    """确认重置后回来的是本人 · Confirm that somebody came back themselves after a reset: you spoke with them."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        returns.confirm(parts, person, work_number, now())
    number = work_number.strip().upper()
    if as_json:
        show_json({"work_number": number, "confirmed_by": person.work_number})
        return
    click.echo(f"{number} {speaker(config)('Confirmed: the account can be used again, and its person was told.')}")


@user_group.command("leave")
@click.argument("work_number")
@click.option("--successor", default="", metavar="WORK_NUMBER", help="接手人 · who takes the work over")
@click.option("--dry-run", is_flag=True, help="只显示将发生什么 · only say what would happen")
@as_option
@json_option
def leave(work_number: str, successor: str, acting_as: str, *, dry_run: bool, as_json: bool) -> None:
    """办理离职：一次完成，不可撤销 · Off-board somebody: one act, all or nothing, for good."""
    config = load_config()
    walk = offboarding.plan if dry_run else offboarding.leave
    with vault(config) as parts, acting(parts, acting_as) as person:
        found = walk(parts, person, work_number, successor, now())
    if as_json:
        show_json({"dry_run": dry_run, **found.told()})
    else:
        _tell(found, config.language, dry_run=dry_run)
    if found.hindrance:
        raise SystemExit(FOUND)


def _act(walk: _Act, work_number: str, acting_as: str, *, as_json: bool) -> None:
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        state = walk(parts, person, work_number, now())
    if as_json:
        show_json({"work_number": work_number.strip().upper(), "state": state.value})
        return
    click.echo(f"{work_number.strip().upper()} {words.name(config.language, 'account', state.value)}")


def _tell(found: Leaving, language: str, *, dry_run: bool) -> None:
    say = words.translator(language)
    click.echo(say("Would end and hand on:") if dry_run else say("Ended and handed on:"))
    for name, count in found.counts().items():
        click.echo(f"{count:6} {words.name(language, 'held', name)}")
    if found.hindrance:
        click.echo(words.reason(language, found.hindrance, {}), err=True)


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
