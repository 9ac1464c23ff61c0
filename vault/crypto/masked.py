"""The base of everything that holds key bytes: it does not show them and does not travel."""

from __future__ import annotations

from typing import NoReturn


class Masked:
    """Hides the content from ``repr``, ``str``, formatting, copying and pickling."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not copied or pickled")
