"""How telling the customers of an incident stands, as a terminal shows it and as programs read it."""

from __future__ import annotations

from typing import Any

import click

from vault import words
from vault.cli.output import one_line, show_json, speaker
from vault.config import Config
from vault.domain.breach.breach_notices import RecipientState
from vault.domain.log import micros_text
from vault.services.breach.breach_notices import Standing


def document(standing: Standing) -> dict[str, Any]:
    """Return how telling customers stands, as programs read it."""
    return {
        "incident": standing.incident.incident_id.hex(),
        "outstanding": standing.outstanding,
        "no_notice": None if standing.waiver is None else standing.waiver.confirmed_at is not None,
        "no_notice_reason": standing.waiver_reason,
        "no_notice_digest": standing.waiver_digest,
        "notices": [
            {
                "notice": one.campaign.campaign_id.hex(),
                "state": one.campaign.state.value,
                "ready": one.campaign.is_ready,
                "template": one.campaign.template,
                "digest": one.campaign.digest.hex(),
                "prepared_by": one.preparer,
                "released_by": one.releaser,
                "contacts_at": micros_text(one.campaign.contacts_at),
                "customers": one.total,
                "left": one.left,
                "counts": [
                    {"channel": channel, "state": state.value, "count": count}
                    for (channel, state), count in sorted(one.counts.items())
                ],
            }
            for one in standing.campaigns
        ],
    }


def tell(config: Config, standing: Standing, *, as_json: bool) -> None:
    """Show campaigns with their counts, and a decision to tell nobody; counts and work numbers only."""
    if as_json:
        show_json(document(standing))
        return
    say = speaker(config)
    for one in standing.campaigns:
        state = words.name(config.language, "campaign", one.campaign.state.value)
        click.echo(f"{one.campaign.campaign_id.hex()}  {state}  {one.campaign.template}")
        click.echo(say("  digest {digest}").format(digest=one.campaign.digest.hex()))
        click.echo(say("  contacts as of {at}").format(at=micros_text(one.campaign.contacts_at)))
        for state_of in RecipientState:
            count = one.by_state().get(state_of)
            if count:
                click.echo(f"  {words.name(config.language, 'notice_state', state_of.value)}: {count}")
    if standing.waiver is not None:
        asked = say("No customer is told: asked for by {who}").format(who=standing.waiver_by[0])
        done = say("No customer is told: confirmed by {who}").format(who=standing.waiver_by[1])
        click.echo(asked if standing.waiver.confirmed_at is None else done)
        click.echo(f"  {one_line(standing.waiver_reason)}")
        click.echo(say("  digest {digest}").format(digest=standing.waiver_digest))
    click.echo(say("Still to be told: {count}").format(count=standing.outstanding))
