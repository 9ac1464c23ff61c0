"""The English sentences and names that :mod:`vault.words` speaks; the Chinese ones stand in ``locale/``.

Data only. A test finds every reason id raised anywhere in the package here, and every sentence in the catalogue.
"""

from __future__ import annotations

from vault.word_tables.names import NAMES
from vault.word_tables.reasons import FILE_FAULTS, FILES, REASONS

__all__ = ["FILES", "FILE_FAULTS", "NAMES", "REASONS"]
