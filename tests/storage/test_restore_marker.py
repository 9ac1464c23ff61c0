"""The mark of a restore: it closes the vault, and what cannot be read closes it too."""

import pytest

from vault.errors import VaultSealed
from vault.storage.restore_marker import Mark, Phase, RestoreMarker


@pytest.fixture
def marker(tmp_path):
    return RestoreMarker(tmp_path / "data" / "restoring.json")


@pytest.mark.parametrize("phase", Phase)
def test_a_mark_is_read_as_it_was_set_and_refuses_everybody(marker, phase):
    assert marker.read() is None
    marker.refuse()
    marker.write(Mark("ab" * 32, phase))
    assert marker.read() == Mark("ab" * 32, phase)
    with pytest.raises(VaultSealed) as refused:
        marker.refuse()
    assert refused.value.reason == "restore_unfinished"
    marker.clear()
    marker.clear()
    assert marker.read() is None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"manifest": "ab", "phase": "over"}', "\xff"])
def test_a_mark_that_cannot_be_read_opens_nothing(marker, content):
    marker.write(Mark("ab", Phase.LOADED))
    marker.path.write_text(content, encoding="latin-1")
    with pytest.raises(VaultSealed) as refused:
        marker.read()
    assert refused.value.reason == "restore_mark_unreadable"
    with pytest.raises(VaultSealed):
        marker.refuse()
