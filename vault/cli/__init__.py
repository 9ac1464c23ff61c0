"""The operator's command line: one service call each (architecture, contract of stable names).

Exit codes: 0 done or holds; 1 refused, or a judging command found something; 2 usage, or cannot judge or start.
"""

from __future__ import annotations

import click

from vault.cli.acting import whoami
from vault.cli.backup import backup_group
from vault.cli.compliance import compliance
from vault.cli.demo import demo
from vault.cli.imports import import_group
from vault.cli.inbox import inbox
from vault.cli.incident import incident_group
from vault.cli.incident_containment import COMMANDS as CONTAINMENT_COMMANDS
from vault.cli.incident_drill import drill_group
from vault.cli.incident_misuse import misuse_group
from vault.cli.incident_notify import notify_group
from vault.cli.incident_radius import draw as draw_radius
from vault.cli.incident_radius import listed as list_radii
from vault.cli.incident_radius import set_aside as set_radius_aside
from vault.cli.incident_report import report
from vault.cli.incident_signals import COMMANDS as SIGNAL_COMMANDS
from vault.cli.keys import keys_group
from vault.cli.log import log_group
from vault.cli.operate import db_group, doctor, init, run_due, scheduler, serve
from vault.cli.output import Guarded
from vault.cli.paper import paper_group
from vault.cli.people import user_group
from vault.cli.policy import policy_group
from vault.cli.retention import retention_group


@click.group(cls=Guarded, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """客户信息保险库 · Customer data vault for courier customer service."""


for _command in (
    demo,
    init,
    serve,
    scheduler,
    run_due,
    doctor,
    db_group,
    keys_group,
    policy_group,
    user_group,
    whoami,
    inbox,
    import_group,
    log_group,
    backup_group,
    retention_group,
    paper_group,
    incident_group,
    compliance,
):
    main.add_command(_command)

incident_group.add_command(drill_group)
incident_group.add_command(notify_group)
incident_group.add_command(report)
incident_group.add_command(draw_radius)
incident_group.add_command(set_radius_aside)
incident_group.add_command(list_radii)
incident_group.add_command(misuse_group)
for _command in (*SIGNAL_COMMANDS, *CONTAINMENT_COMMANDS):
    incident_group.add_command(_command)
