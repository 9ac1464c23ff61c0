"""``datavault demo``: a seeded vault on this machine only, with accounts for every role and three numbers to try."""

from __future__ import annotations

import csv
import ipaddress
import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click
import pyotp

from vault import bootstrap, words
from vault.cli.operate import run_server
from vault.cli.output import now, speaker, vault
from vault.config import ROOT, Config, load_config
from vault.domain.ids import RecordClass, Role
from vault.domain.rules.access import RolePolicy
from vault.errors import SetupError
from vault.services import intake, people, second_factor, sessions
from vault.services.intake_staff import import_staff
from vault.services.steps.parts import Parts

_DATA = ROOT / "tests" / "data"
_DRILLS = "/incidents/drills"
_FILES = (
    (RecordClass.CUSTOMER, "customers.csv"),
    (RecordClass.SHIPMENT, "shipments.csv"),
    (RecordClass.SERVICE_RECORD, "service_records.csv"),
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Three synthetic numbers to try as the demo's agent."""

    waybill: str
    phone: str
    refused: str


@click.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path(".demo"), show_default=True)
@click.option("--reset", is_flag=True, help="删除演示库后重新开始 · delete the demo vault and begin again")
@click.option("--prepare", is_flag=True, help="只准备,不启动 · prepare only, do not serve")
@click.option("--codes", is_flag=True, help="显示演示账号此刻的验证码 · print the codes of this moment")
def demo(folder: Path, *, reset: bool, prepare: bool, codes: bool) -> None:
    """在本机试用:合成数据,仅回环地址 · Try it here: synthetic data, loopback only."""
    config = demo_config(folder)
    say = speaker(config)
    if codes:
        for number, secret in _kept_secrets(config).items():
            click.echo(f"  {number:8} {pyotp.TOTP(secret).at(now())}")
        return
    if reset and (folder / "data").is_dir():
        shutil.rmtree(folder / "data")
    click.secho(f"\n  *** {say('DEMO: synthetic data, never for real customers')} ***\n", bold=True, fg="red")
    fresh = not Path(config.database_url.removeprefix("sqlite:///")).is_file()
    if fresh:
        click.echo(say("Accounts (passwords are shown this once):"))
        for role, number, password in set_up(config):
            click.echo(f"  {number:8} {password:24} {words.of_policy(config.language, role)}")
    else:
        click.echo(say("The same vault as before; make demo-reset begins again with new passwords."))
    kept = " ".join(_kept_secrets(config))
    if kept:
        click.echo(say("{numbers} are asked for a code too: make demo-codes shows it.").format(numbers=kept))
    numbers = numbers_to_try()
    click.echo(say("Three numbers to try as {agent}:").format(agent=_first(Role.AGENT)))
    click.echo(f"  {numbers.waybill:20} {say('a waybill of pool customers: found')}")
    click.echo(f"  {numbers.phone:20} {say('a phone of a pool customer: found')}")
    click.echo(f"  {numbers.refused:20} {say('a phone of a colleague’s customer: looks absent')}")
    first, second = _numbers(Role.IMD)[:2]
    click.echo(say("An emergency drill, step by step: {page} as {first}, and {second} as the second officer.").format(
        page=_DRILLS, first=first, second=second
    ))  # fmt: skip
    if prepare:
        return
    click.secho(f"\n  http://{config.bind}/   {say('(Ctrl-C stops it)')}\n", bold=True)
    sys.stdout.flush()
    run_server(config)


def demo_config(folder: Path) -> Config:
    """Return the demo's settings; child processes find them in the environment.

    Raises:
        SetupError: the address is not a loopback address.
    """
    os.environ.setdefault("DATAVAULT_BIND", "127.0.0.1:8321")
    os.environ |= {"DATAVAULT_DATA_DIR": str((folder / "data").absolute()), "DATAVAULT_ENV": "demo"}
    for name in (
        "DATAVAULT_DATABASE_URL",
        "DATAVAULT_MIGRATOR_URL",
        "DATAVAULT_KEY_COPIES",
        "DATAVAULT_CHECKPOINT_COPY_DIR",
        "DATAVAULT_CHECKPOINT_SYSLOG",
    ):
        os.environ.pop(name, None)
    config = load_config()
    if not _is_loopback(config.host):
        raise SetupError("demo_only_on_loopback", setting="DATAVAULT_BIND")
    return config


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def set_up(config: Config) -> list[tuple[RolePolicy, str, str]]:
    """Create the vault, import the synthetic set and activate one account for each role, and two officers.

    Returns:
        The accounts: the role, its work number and its random password.
    """
    first = bootstrap.init(config, now())
    with vault(config) as parts:
        operator, mappings = bootstrap.operator(config), config.policies_dir / "mappings"
        import_staff(parts, operator, _DATA / "staff.csv", mappings, now())
        for record_class, name in _FILES:
            intake.import_records(parts, operator, record_class, _DATA / name, mappings, now())
        accounts = []
        for role in Role:
            for number in _of_demo(role):
                secret = first if role is Role.ADMIN else people.invite(parts, operator, number, now())
                accounts.append((role, number, _activate(parts, number, secret)))
        _set_up_second_factors(parts, config, accounts)
        return [(parts.policy.roles[role], number, password) for role, number, password in accounts]


def _of_demo(role: Role) -> list[str]:
    """Return who works in a role in the demo: two where nobody releases, destroys or closes alone."""
    if role is Role.ADMIN:
        return [bootstrap.FIRST_ADMIN]
    return _numbers(role)[: 2 if role is Role.IMD else 1]


def _activate(parts: Parts, number: str, secret: str) -> str:
    password = secrets.token_urlsafe(12)
    people.activate(parts, number, secret, password, "local", now())
    return password


def _set_up_second_factors(parts: Parts, config: Config, accounts: Sequence[tuple[Role, str, str]]) -> None:
    """Set up the second factors that roles need, and keep the secrets beside the demo's data in place of phones."""
    kept = {}
    for role, number, password in accounts:
        if parts.policy.roles[role].second_factor:
            signed_in = sessions.sign_in(parts, number, password, "local", now())
            secret = second_factor.begin(parts, signed_in.person, parts.policy.company.zh, now()).secret
            # The code before the present one, which is then free for the first sign-in.
            code = pyotp.TOTP(secret).at(now() - timedelta(seconds=30))
            second_factor.finish(parts, signed_in.person, code, now())
            sessions.sign_out(parts, signed_in.person, signed_in.token, now())
            kept[number] = secret
    with open(_secrets_file(config), "x", opener=_owner_only, encoding="utf-8") as file:
        json.dump(kept, file)


def _kept_secrets(config: Config) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_secrets_file(config).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _secrets_file(config: Config) -> Path:
    return config.data_dir / "demo-second-factors.json"


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _rows(name: str) -> list[Mapping[str, str]]:
    with (_DATA / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _numbers(role: Role) -> list[str]:
    return [row["工号"] for row in _rows("staff.csv") if row["角色"] == role.value]


def _first(role: Role) -> str:
    return _numbers(role)[0]


def numbers_to_try() -> Numbers:
    """Choose the numbers from the synthetic set: lately active, so that they are within their retention."""
    agent = _first(Role.AGENT)
    customers = sorted(_rows("customers.csv"), key=lambda row: row["最近业务时间"], reverse=True)
    pool = {row["客户编号"] for row in customers if not row["归属客服"]}
    shipments = sorted(_rows("shipments.csv"), key=lambda row: row["揽件时间"], reverse=True)
    return Numbers(
        waybill=next(row["运单号"] for row in shipments if row["寄件客户编号"] in pool and row["收件客户编号"] in pool),
        phone=next(row["手机号"] for row in customers if not row["归属客服"]),
        refused=next(row["手机号"] for row in customers if row["归属客服"] not in ("", agent)),
    )
