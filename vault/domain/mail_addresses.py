"""E-mail addresses, taken strictly: what a mail server, a header or an eye could read as another address is refused."""

from __future__ import annotations

import re

from vault.domain.ids import Role
from vault.errors import InvalidValue

_LONGEST, _LONGEST_LOCAL, _LONGEST_LABEL = 254, 64, 63
# The dot-atom of RFC 5322 without `!` and `%`, by which old servers send a letter on to somebody else.
_LOCAL = re.compile(r"[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_HAN_LABEL = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_ENCODED = "xn--"


def normal_mail_address(typed: str) -> str:
    """Return an address as it is sent to: plain ASCII, the domain in lower case.

    A domain label is ASCII, or Han characters only, which is turned into its ASCII form: no letter of another script
    can stand in for a Latin one. Not taken although RFC 5321 or RFC 6531 know them: other letters before the ``@``,
    quoted names, names in front of the address, addresses of hosts in brackets, and domains without a dot.

    Args:
        typed: the address and nothing else; spaces around it do not count.

    Returns:
        The address.

    Raises:
        InvalidValue: ``bad_mail_address``, field ``email``; the address is not repeated.
    """
    local, _, domain = typed.strip(" ").rpartition("@")
    labels = [_ascii_label(label) for label in domain.split(".")]
    address = f"{local}@{'.'.join(labels)}"
    is_good = (
        _LOCAL.fullmatch(local)
        and len(local) <= _LONGEST_LOCAL
        and len(labels) > 1
        and all(labels)
        and not labels[-1].isdigit()
        and len(address) <= _LONGEST
    )
    if not is_good:
        raise InvalidValue("bad_mail_address", field="email")
    return address


def duty_addresses(text: str) -> dict[Role, str]:
    """Read the duty mailboxes: ``imd=duty@example.com,supervisor=…``, each role once.

    Raises:
        InvalidValue: ``bad_mail_address``, field ``email``: a role that there is not, one twice, or no address.
    """
    found: dict[Role, str] = {}
    for part in text.split(",") if text.strip() else ():
        name, _, address = part.partition("=")
        if name.strip() not in set(Role) - found.keys():
            raise InvalidValue("bad_mail_address", field="email")
        found[Role(name.strip())] = normal_mail_address(address)
    return found


def _ascii_label(label: str) -> str:
    """Return a label of a domain in ASCII; empty for one that is refused."""
    if _HAN_LABEL.fullmatch(label):
        label = _ENCODED + label.encode("punycode").decode("ascii")
    elif label[: len(_ENCODED)].lower() == _ENCODED:
        try:
            shown = label[len(_ENCODED) :].lower().encode("ascii").decode("punycode")
        except UnicodeError:
            return ""
        if not _HAN_LABEL.fullmatch(shown):
            return ""
    return label.lower() if _LABEL.fullmatch(label) and len(label) <= _LONGEST_LABEL else ""
