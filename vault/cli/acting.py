"""Commands that a person gives under their own work number: they sign in as at the front door, with the same limits.

Such a command has the option :data:`as_option`, whose value arrives as ``acting_as``, and works within
``with acting(parts, acting_as) as person:``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from vault import words
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.domain.passwords import ends_at
from vault.domain.people import Must, Person, normal_work_number
from vault.errors import InvalidValue, SignInRefused
from vault.services import second_factor, sessions
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import refuse_owing

TOKEN_VARIABLE = "DATAVAULT_TOKEN"  # noqa: S105 - the name of a variable
"""A session token to act with instead of signing in, for scripts; such a session is left open."""

_SOURCE = "local"

as_option = click.option(
    "--as", "acting_as", metavar="WORK_NUMBER", required=True, help="以此工号登录 · sign in with this work number"
)


@contextmanager
def acting(parts: Parts, work_number: str) -> Iterator[Person]:
    """Sign somebody in for one command, and end the session with it.

    Password and, where there is one, the code of the second factor are asked for at the terminal without echo, or
    read from standard input, a line each.

    Args:
        parts: the vault's parts.
        work_number: as typed.

    Yields:
        The person, whom nothing keeps from acting.

    Raises:
        SignInRefused: unknown, wrong, locked, suspended, left or tried too often, or a token that is not theirs.
        PasswordExpired: the password is too old; it is changed on the page.
        AccessRefused: a second factor must be set up first, on the page.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token:
        person = sessions.person_of(parts, token, _SOURCE, now())
        if person is None or person.work_number != normal_work_number(work_number):
            raise SignInRefused("not_signed_in")
        refuse_owing(person.must)
        yield person
        return
    say = speaker(load_config())
    signed_in = sessions.sign_in(parts, work_number, _ask(say("Password")), _SOURCE, now())
    try:
        if signed_in.person.must is Must.CODE:
            try:
                signed_in = second_factor.give_code(parts, signed_in.person, _ask(say("Code")), now())
            except InvalidValue:
                raise SignInRefused("sign_in_refused") from None
        refuse_owing(signed_in.person.must)
        yield signed_in.person
    finally:
        sessions.sign_out(parts, signed_in.person, signed_in.token, now())


def _ask(what: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    line = sys.stdin.readline()
    if not line:
        raise SignInRefused("not_signed_in")
    return line.rstrip("\r\n")


@click.command()
@as_option
@json_option
def whoami(acting_as: str, *, as_json: bool) -> None:
    """以本人身份登录并显示角色和密码到期时间 · Sign in as oneself and tell role and end of the password."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        role, zone = parts.policy.roles[person.role], parts.policy.zone
        ends = ends_at(parts.policy.passwords, person.password_changed_at)
    if as_json:
        told = {"work_number": person.work_number, "role": person.role.value, "outlet": person.outlet}
        show_json(told | {"team": person.team, "password_ends_at": ends.isoformat()})
        return
    click.echo(f"{person.work_number} {words.of_policy(config.language, role)} {person.outlet} {person.team}".rstrip())
    until = ends.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    click.echo(say("Password until {at}").format(at=until))
