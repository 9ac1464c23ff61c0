"""A value in clear, in a type that cannot be printed by accident."""

from __future__ import annotations

import hmac


class Plaintext:
    """One opened field value; it appears only by the explicit call :meth:`disclose`.

    ``repr``, ``str``, formatting, f-strings and pickling never show it, so a stray log line or traceback
    with local variables stays clean.

    Args:
        value: the clear text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def disclose(self) -> str:
        """Return the clear text; call it only where a person or a comparison needs it."""
        return self._value

    def same_as(self, other: str) -> bool:
        """Return whether the value equals ``other``, in time independent of where they differ."""
        return hmac.compare_digest(self._value.encode(), other.encode())

    def __repr__(self) -> str:
        return "Plaintext(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a plaintext is not pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plaintext) and self.same_as(other._value)

    __hash__ = None  # type: ignore[assignment]  # hashing would put a digest of the value into dictionaries
