"""Every error the house raises: one base, one family per room.

An error carries a stable ``code`` and facts from closed vocabularies (a field name, a line number, a
reason id). It never carries a value somebody typed or a stored value: messages reach logs and screens.
"""

from __future__ import annotations


class VaultError(Exception):
    """Base of everything this package raises on purpose.

    Args:
        reason: a stable id in snake_case, such as ``wrong_check_digit``; words for people are looked up by it.
        facts: closed-vocabulary details (field names, line numbers, counts, paths); never personal data.
    """

    code = "vault_error"

    def __init__(self, reason: str = "", **facts: str | int) -> None:
        super().__init__(reason, facts)
        self.reason = reason or self.code
        self.facts = facts

    def __str__(self) -> str:
        """Return the code, the reason and the facts, on one line."""
        facts = " ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code}: {self.reason}" + (f" ({facts})" if facts else "")


# -- domain ------------------------------------------------------------------------------------------------------


class InvalidValue(VaultError):
    """A value breaks the rule of its field; ``facts['field']`` names the field, never the value."""

    code = "invalid_value"


class PolicyError(VaultError):
    """A policy file is missing, malformed, unknown to us or contradicts another rule."""

    code = "policy_error"


class AccessRefused(VaultError):
    """The policy says no; ``reason`` is the id of the rule that said it."""

    code = "access_refused"


class PasswordExpired(AccessRefused):
    """The password is too old: nothing but its change is open."""

    code = "password_expired"


class StepUpNeeded(AccessRefused):
    """Password and second factor must be given again before this act."""

    code = "step_up_needed"


class NotFound(VaultError):
    """Not there, or not yours: the two are one answer on purpose (architecture, contract)."""

    code = "not_found"


# -- crypto ------------------------------------------------------------------------------------------------------


class KeyStoreError(VaultError):
    """The key store or the root key is missing, wrong, empty, swapped, too open or too old: do not start."""

    code = "key_store_error"


class IntegrityError(VaultError):
    """A ciphertext, wrap or metadata MAC does not belong where it lies. One face for every cause."""

    code = "integrity_error"


class ReceiptError(VaultError):
    """Somebody tried to open a record without a receipt that covers it: a defect of ours, never of a user."""

    code = "receipt_error"


class SelfTestFailed(VaultError):
    """A cryptographic primitive gave another answer than its published vector: do not start."""

    code = "self_test_failed"


# -- storage -----------------------------------------------------------------------------------------------------


class StorageError(VaultError):
    """The database cannot do what was asked; nothing was changed."""

    code = "storage_error"


class StorageUnavailable(StorageError):
    """The database is locked, stopped, full or read-only right now; answer 503 and try again."""

    code = "storage_unavailable"


class LogUnavailable(StorageUnavailable):
    """The event could not be made durable, so nothing may be shown (architecture, mechanism 3)."""

    code = "log_unavailable"


class VaultSealed(StorageError):
    """The vault refuses to work until an operator acts: a rewound database, an old key store, a pending upgrade."""

    code = "vault_sealed"


# -- services ----------------------------------------------------------------------------------------------------


class SignInRefused(VaultError):
    """Unknown, wrong, locked, left or expired: one answer for all of them."""

    code = "sign_in_refused"


class AlreadyDecided(VaultError):
    """Somebody else decided it a moment earlier; of two who decide at once, one counts."""

    code = "already_decided"


class SignInBusy(VaultError):
    """Too many passwords of one source are being checked at this moment; nothing was looked at."""

    code = "sign_in_busy"


class ImportRefused(VaultError):
    """The whole file cannot be read as what it was said to be; nothing was changed."""

    code = "import_refused"


class SetupError(VaultError):
    """The command was used on the wrong folder, twice, or with settings that cannot work (exit code 2)."""

    code = "setup_error"
