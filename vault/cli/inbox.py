"""The inbox at the terminal, for whoever signs in."""

from __future__ import annotations

from datetime import UTC

import click

from vault import words
from vault.cli.acting import acting, as_option
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.services import inbox as inbox_service


@click.command("inbox")
@as_option
@click.option("--seen", is_flag=True, help="全部标为已读 · mark what is listed as seen")
@json_option
def inbox(acting_as: str, *, seen: bool, as_json: bool) -> None:
    """列出自己的通知 · List your own notices."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        notices = inbox_service.listed(parts, person)
        if seen and notices:
            inbox_service.see(parts, person, notices[0].at, now())
        zone = parts.policy.zone
    if as_json:
        show_json(
            [
                {
                    "kind": one.kind.value,
                    "about": one.about.hex(),
                    "at": one.at.astimezone(UTC).isoformat(),
                    "new": one.seen_at is None,
                }
                for one in notices
            ]
        )
        return
    for one in notices:
        mark = "*" if one.seen_at is None else " "
        when = one.at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
        click.echo(f"{mark} {when} {words.name(config.language, 'notice', one.kind.value)}")
    if not notices:
        click.echo(say("Nothing yet."))
