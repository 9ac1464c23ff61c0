"""The record of proven misuse (UL-03): drafted by one officer from the log, signed by another human, then fixed.

Who it is about neither drafts, signs nor reads it.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.domain.clocks import in_utc
from vault.domain.ids import new_id
from vault.domain.incidents import Incident
from vault.domain.log import Action, Outcome
from vault.domain.misuse import (
    REFERENCE,
    REFERENCE_LENGTH,
    STATEMENT,
    STATEMENT_LENGTH,
    MisuseRecord,
    evidence_text,
)
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person, normal_work_number
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services.steps import incidents as steps
from vault.services.steps.admission import require_fresh
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.services.steps.police import open_police_task
from vault.services.steps.radius import Distinct, distinct_of
from vault.services.steps.settling import settle
from vault.storage import incident_signals, misuse, notifications, people, radius
from vault.storage.incidents import people_of
from vault.storage.people import Account
from vault.storage.unit_of_work import UnitOfWork, unit_of_work
