"""`datavault log accept-gap`: opening a database that went back in time, and saying aloud what it lacks."""

from __future__ import annotations

import base64
import sys
from dataclasses import asdict
from typing import Any

import click

from vault import bootstrap, words
from vault.cli.backup_restore import show_replayed
from vault.cli.output import CANNOT, json_option, now, show_json, speaker
from vault.cli.progress import progress
from vault.config import Config, load_config
from vault.errors import VaultError
from vault.services import backup_restore, log_gaps
from vault.services import log as log_service
from vault.services.log import Gap
from vault.services.log_gaps import GapReason, Loss


@click.command("accept-gap")
@click.option(
    "--reason",
    required=True,
    type=click.Choice([one.value for one in GapReason]),
    help="数据为何缺失,将写入签名声明 · why events are lost; the signed statement says so",
)
@click.option("--accept-loss", is_flag=True, help="放弃已无密钥的在用记录 · give up living records whose key is gone")
@click.option("--dry-run", is_flag=True, help="只显示,不接受 · show what is lost and would end; accept nothing")
@click.option("--yes", is_flag=True, help="不再询问 · do not ask")
@json_option
def accept_gap(reason: str, *, accept_loss: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """接受数据库回退造成的日志缺口 · Accept that the database lacks events that were signed.

    保险库随后重新开放,缺口以签名声明永久公示;全部会话、一次性口令、授权、共享与紧急访问随即终止。
    The vault opens again; a signed statement tells of the gap for ever; sessions, one-time secrets, grants, shares and
    emergency accesses end. Read ops/runbooks/rewound-database.md first.
    """
    config = load_config()
    say, operator = speaker(config), bootstrap.operator(config)
    with bootstrap.open_vault(config, to_inspect=True) as parts:
        try:
            loss = log_gaps.examine(parts, operator, now())
        except VaultError as error:
            if error.reason == "nothing_to_accept":
                log_service.settle(parts, now())  # that somebody tried is signed too
            raise
        if not as_json:
            _show(config, loss)
        if dry_run:
            if as_json:
                show_json({"accepted": False, **_told(loss)})
            return
        if not yes and not loss.is_accepted and not _confirmed(config, loss):
            click.echo(say("Nothing was accepted; the vault stays sealed."), err=True)
            sys.exit(CANNOT)
        # Before the vault opens: what was destroyed since must not be there again when it does.
        with progress(say("Replaying the ledger"), quiet=as_json) as told:
            replayed = backup_restore.catch_up(parts, operator, now(), told, accept_loss=accept_loss)
        log_gaps.accept(parts, operator, loss, GapReason(reason), now())
        size = log_service.settle(parts, now())
    if not as_json:
        show_replayed(config, replayed)
    if as_json:
        show_json({"accepted": True, "size": size, "replayed": asdict(replayed), **_told(loss)})
    else:
        click.echo(say("Accepted. The log goes on at {size} entries; the vault opens again.").format(size=size))


def gap_words(config: Config, gap: Gap) -> str:
    """Return a declared gap as a sentence for people.

    Args:
        config: the settings.
        gap: as the verifier read it.
    """
    say, reason = speaker(config), words.name(config.language, "gap", gap.reason)
    sentence = say("entries {first} to {last} were lost; accepted {time}: {reason}")
    return sentence.format(first=gap.kept[0], last=gap.lost[0] - 1, time=gap.at, reason=reason)


def gap_told(gap: Gap) -> dict[str, Any]:
    """Return a declared gap for programs.

    Args:
        gap: as the verifier read it.
    """
    return {
        "kept": {"size": gap.kept[0], "root": base64.b64encode(gap.kept[1]).decode()},
        "lost": {"size": gap.lost[0], "root": base64.b64encode(gap.lost[1]).decode()},
        "accepted_at": gap.at,
        "reason": gap.reason,
    }


def _told(loss: Loss) -> dict[str, Any]:
    return {
        "fault": loss.fault,
        "kept": {"size": loss.kept.size, "root": base64.b64encode(loss.kept.root).decode(), "until": loss.kept_until},
        "found": {"size": loss.found, "until": loss.found_until},
        "lost": {
            "size": loss.lost.size,
            "root": base64.b64encode(loss.lost.root).decode(),
            "signed_at": loss.signed_at,
        },
        "events_lost": loss.events,
        "ends": asdict(loss.live),
    }


def _show(config: Config, loss: Loss) -> None:
    say = speaker(config)
    lines = (
        words.reason(config.language, loss.fault, {"signed": loss.lost.size, "found": loss.found}),
        say("Signed last: {size} entries, at {time}").format(size=loss.lost.size, time=loss.signed_at or "?"),
        say("Proved by a signed checkpoint: {size} entries, the last one of {time}").format(
            size=loss.kept.size, time=loss.kept_until
        ),
        say("In the database: {size} entries, the last one of {time}; nothing vouches for {tail} of them").format(
            size=loss.found, time=loss.found_until, tail=loss.found - loss.kept.size
        ),
        say("Lost: entries {first} to {last}, with everything entered and changed since").format(
            first=loss.kept.size, last=loss.lost.size - 1
        ),
        say(
            "Accepting ends {sessions} sessions, {secrets} one-time secrets, {grants} grants and shares, "
            "{emergencies} emergency accesses and {tokens} tokens of programs"
        ).format(**asdict(loss.live)),
    )
    for line in lines:
        click.echo(line)
    if loss.is_accepted:
        click.echo(say("It was accepted already; what is left to do is done now."))


def _confirmed(config: Config, loss: Loss) -> bool:
    """Ask for the number of lost entries: it is read and typed, not clicked away."""
    say = speaker(config)
    question = say("Type the number of lost entries to accept ({count})").format(count=loss.events)
    try:
        return str(click.prompt(question, err=True)).strip() == str(loss.events)
    except click.Abort:  # there is nobody to ask
        return False
