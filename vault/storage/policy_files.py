"""Reading ``policies/*.toml``: strict shapes, contradictions refused, one digest over every byte of them."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from vault.domain.contradictions import contradictions
from vault.domain.ids import RecordClass, Role
from vault.domain.policy import Policy
from vault.domain.policy_checks import weakness_findings
from vault.domain.rules.access import LimitPolicy, PurposePolicy, RolePolicy, View
from vault.domain.rules.breach_notices import BreachNoticePolicy
from vault.domain.rules.containment import ContainmentPolicy
from vault.domain.rules.destruction import DestructionPolicy
from vault.domain.rules.drills import DrillPolicy
from vault.domain.rules.emergency import BreakGlassPolicy, VerificationPolicy
from vault.domain.rules.incidents import IncidentPolicy
from vault.domain.rules.log import LogPolicy
from vault.domain.rules.people import PasswordPolicy, SessionPolicy
from vault.domain.rules.service import (
    CasePolicy,
    CompanyPolicy,
    EntryPolicy,
    GrantPolicy,
    HandoverPolicy,
    NoticePolicy,
    RetentionPolicy,
)
from vault.domain.rules.signals import SignalPolicy
from vault.domain.rules.views import MaskPolicy, Views
from vault.domain.waybills import WaybillPattern, is_bounded
from vault.errors import PolicyError

Shape = TypeVar("Shape")

FILES = (
    "breach_notices", "break_glass", "cases", "company", "containment", "destruction", "drills", "entry", "fields",
    "grants", "handovers", "incidents", "limits", "log", "masks", "notices", "passwords", "purposes", "retention",
    "roles", "sessions", "signals", "verification", "waybills",
)  # fmt: skip
"""Every policy file; each must be there, and no other ``.toml`` may lie beside them."""


class _Carrier(BaseModel):
    """One carrier in ``waybills.toml``; the pattern is compiled when it becomes a domain value."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str
    zh: str
    en: str
    clause: str
    source: str
    pattern: str
    check: Literal["none", "s10", "sf_warn"]


class _Waybills(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    carrier: list[_Carrier]


def load_policy(folder: Path) -> Policy:
    """Read and check the policy.

    Args:
        folder: where the files lie.

    Returns:
        The policy, with its digest.

    Raises:
        PolicyError: a file is missing, surplus, malformed, has an unknown key, two rules contradict, or together
            they protect less than they must.
    """
    policy = read_policy(folder)
    for reason, place in chain(contradictions(policy), weakness_findings(policy)):
        raise PolicyError(reason, place=place)
    return policy


def read_policy(folder: Path) -> Policy:
    """Read the policy without asking whether its rules can stand together: for ``policy check``, which tells all.

    Args:
        folder: where the files lie.

    Raises:
        PolicyError: a file is missing, surplus, malformed or has an unknown key.
    """
    digest, texts = policy_texts(folder)
    policy = Policy(
        digest=digest,
        company=_parse("company", texts, CompanyPolicy),
        roles=_parse("roles", texts, dict[Role, RolePolicy]),
        purposes=_parse("purposes", texts, dict[str, PurposePolicy]),
        views=views_in(texts),
        masks=_parse("masks", texts, MaskPolicy),
        retention=_parse("retention", texts, dict[RecordClass, RetentionPolicy]),
        destruction=_parse("destruction", texts, DestructionPolicy),
        drills=_parse("drills", texts, DrillPolicy),
        entry=_parse("entry", texts, EntryPolicy),
        notices=_parse("notices", texts, dict[str, NoticePolicy]),
        cases=_parse("cases", texts, CasePolicy),
        sessions=_parse("sessions", texts, SessionPolicy),
        passwords=_parse("passwords", texts, PasswordPolicy),
        grants=_parse("grants", texts, GrantPolicy),
        handovers=_parse("handovers", texts, HandoverPolicy),
        verification=_parse("verification", texts, VerificationPolicy),
        break_glass=_parse("break_glass", texts, BreakGlassPolicy),
        incidents=_parse("incidents", texts, IncidentPolicy),
        containment=_parse("containment", texts, ContainmentPolicy),
        breach_notices=_parse("breach_notices", texts, BreachNoticePolicy),
        limits=_parse("limits", texts, LimitPolicy),
        log=_parse("log", texts, LogPolicy),
        signals=_parse("signals", texts, SignalPolicy),
        carriers=_carriers(_parse("waybills", texts, _Waybills).carrier),
    )
    try:
        ZoneInfo(policy.company.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise PolicyError("unknown_zone", file="company.toml") from None
    return policy


def views_in(texts: Mapping[str, bytes]) -> Views:
    """Return what a policy shows of each field, from its texts alone: those of an old policy may lack newer files.

    Args:
        texts: by file name without ``.toml``.

    Raises:
        KeyError: ``fields`` is not among them.
        PolicyError: it is malformed.
    """
    return Views(_parse("fields", texts, dict[RecordClass, dict[str, dict[str, View | dict[str, View]]]]))


def policy_texts(folder: Path) -> tuple[str, dict[str, bytes]]:
    """Return the digest of a policy and the bytes of its files by name, as they are now.

    Args:
        folder: where the files lie.

    Raises:
        PolicyError: a file is missing or surplus.
    """
    texts = _texts(folder)
    digest = hashlib.sha256()
    for name, content in sorted(texts.items()):
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest(), texts


def _texts(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise PolicyError("no_policy_folder", path=str(folder))
    found = {path.stem: path for path in folder.glob("*.toml")}
    for name in FILES:
        if name not in found:
            raise PolicyError("file_missing", file=f"{name}.toml")
    for name in found:
        if name not in FILES:
            raise PolicyError("unknown_file", file=f"{name}.toml")
    return {name: path.read_bytes() for name, path in found.items()}


_READERS: dict[Any, TypeAdapter[Any]] = {}


def _reader(shape: type[Shape]) -> TypeAdapter[Shape]:
    if shape not in _READERS:  # making one takes longer than the reading itself
        _READERS[shape] = TypeAdapter(shape)
    return _READERS[shape]


def _parse(name: str, texts: Mapping[str, bytes], shape: type[Shape]) -> Shape:
    try:
        content: dict[str, Any] = tomllib.loads(texts[name].decode())
        # Through JSON, because strict validation accepts words for enums only from there.
        return _reader(shape).validate_json(json.dumps(content), strict=True)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise PolicyError("not_toml", file=f"{name}.toml") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PolicyError(first["type"], file=f"{name}.toml", place=place) from None


def _carriers(carriers: Sequence[_Carrier]) -> tuple[WaybillPattern, ...]:
    patterns = []
    for carrier in carriers:
        try:
            patterns.append(WaybillPattern(carrier.id, re.compile(carrier.pattern), carrier.check))
        except re.error:
            raise PolicyError("not_a_pattern", file="waybills.toml", place=carrier.id) from None
        if not is_bounded(carrier.pattern):
            raise PolicyError("pattern_not_bounded", file="waybills.toml", place=carrier.id)
    return tuple(patterns)
