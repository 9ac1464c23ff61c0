"""Series: so many within so long, wherever they lie in a stream."""

from datetime import timedelta

import pytest

from tests.simulator import NOW
from vault.domain.breach.signals import Seen, Series
from vault.domain.rules.signals import SignalName

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def series(*offsets, count=3, evidence_events=50):
    """Look at events so many seconds from the beginning on."""
    found = Series(count, HOUR, evidence_events)
    for place, seconds in enumerate(offsets):
        at = NOW + timedelta(seconds=seconds)
        found.add(Seen(place, bytes([place] * 16), at, "KF2001", "198.51.100.7", "s"))
    return found


def told(*offsets, **changes):
    found = series(*offsets, **changes).found(SignalName.PROBING)
    return None if found is None else [event[0] for event in found.events]


@pytest.mark.parametrize(
    ("offsets", "places"),
    [
        ([], None),
        ([0, 1], None),
        ([0, 1, 2], [0, 1, 2]),
        ([0, 1, 3600], [0, 1, 2]),
        ([0, 1, 3601], None),
        ([0, 3601, 3602, 3603], [1, 2, 3]),
        ([0, 1, 2, 3602, 3603, 7203], [0, 1, 2]),
        ([0, 1, 2, 3000, 3001, 7000], [0, 1, 2, 3, 4]),
        ([0, 1, 2, 9000, 20000, 20001, 20002, 90000], [0, 1, 2, 4, 5, 6]),
    ],
)
def test_events_belong_to_a_series_when_so_many_lie_within_the_window(offsets, places):
    assert told(*offsets) == places


def test_a_series_of_one_is_every_event():
    assert told(0, 9000, count=1) == [0, 1]


def test_a_series_tells_how_many_from_when_to_when_and_keeps_the_newest_as_evidence():
    found = series(*range(10), evidence_events=4)
    signal = found.found(SignalName.SIGN_IN_STORM, source="198.51.100.7")
    assert (signal.count, signal.threshold, signal.source) == (10, 3, "198.51.100.7")
    assert (signal.since, signal.until) == (NOW, NOW + 9 * SECOND)
    assert [event[0] for event in signal.events] == [6, 7, 8, 9]
    assert found.places == 10


def test_what_stands_alone_behind_a_series_may_belong_to_the_next():
    assert series(0, 1, 2, 9000).places == 3
