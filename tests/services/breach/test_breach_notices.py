"""Preparing and releasing notices: two humans, one digest, and refusals that are logged."""

import copy
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests import breach
from tests.breach import OFFICER, SECOND, TEXTS
from vault.domain.breach.breach_notices import MOST_TYPED, Channel
from vault.domain.breach.radius import RadiusScope
from vault.errors import AccessRefused, AlreadyDecided, IntegrityError, InvalidValue, NotFound, StepUpNeeded
from vault.services.breach import breach_notices, incident_drafts, notice_sample, radius
from vault.services.breach.breach_notices import Wish


@pytest.fixture
def matter(world):
    """An incident with a frozen radius around two customers."""
    breach.customers(world, 2)
    incident = breach.opened(world)
    return incident, breach.frozen(world, incident, breach.ids_of(world))


def prepare(world, incident, radius, who=OFFICER, **changes):
    wish = {"template": "standard-1", "channels": (Channel.MAIL,), "texts": TEXTS} | changes
    return breach_notices.prepare(world.parts, world.person(who), incident, Wish(radius, **wish), world.now)


def released(world, campaign):
    return world.rows("SELECT state FROM notice_campaigns WHERE campaign_id = :one", one=campaign) == [("released",)]


def test_preparing_opens_nothing_and_says_what_it_will_be(world, matter):
    campaign = prepare(world, *matter)
    assert world.events("notice.contacts_opened") == []
    (event,) = world.events("notice.prepared")
    assert (event["facts"]["count"], event["facts"]["notice"]) == (2, campaign.hex())
    assert event["facts"]["digest"] == breach.digest(world, matter[0], campaign)


def test_who_prepared_does_not_release_nor_does_somebody_of_the_same_name(world, matter):
    incident, _ = matter
    campaign = prepare(world, *matter)
    with pytest.raises(AccessRefused, match="own_notice"):
        breach.release(world, incident, campaign, OFFICER)
    name = world.rows("SELECT sealed_name FROM accounts WHERE work_number = :one", one=OFFICER)
    assert name
    world.staff({"work_number": "KF2099", "name": "上官 雨", "role": "imd", "outlet": "NJ-GL-01", "team": ""})
    with pytest.raises(AccessRefused, match="own_notice"):
        breach.release(world, incident, campaign, "KF2099")
    assert len(world.events("notice.released", "refused")) == 2
    assert not released(world, campaign)
    breach.release(world, incident, campaign)
    assert released(world, campaign)


def test_releasing_needs_a_fresh_sign_in_and_the_digest_of_what_was_shown(world, matter):
    incident, _ = matter
    campaign = prepare(world, *matter)
    digest, second = breach.digest(world, incident, campaign), world.person(SECOND)
    for wrong in ("", "0" * 64, digest[:-1]):
        with pytest.raises(InvalidValue, match="notice_digest_differs"):
            breach_notices.release(world.parts, second, incident, campaign, wrong, world.now)
    late = world.now + timedelta(hours=1)
    with pytest.raises(StepUpNeeded):
        breach_notices.release(world.parts, second, incident, campaign, digest, late)
    assert not released(world, campaign)


def test_notices_that_were_changed_after_preparing_are_not_released(world, matter):
    incident, _ = matter
    campaign = prepare(world, *matter)
    world.tamper("UPDATE notice_recipients SET channel = 'letter' WHERE campaign_id = :one", one=campaign)
    with pytest.raises(IntegrityError, match="notice_changed"):
        breach.release(world, incident, campaign)
    assert not released(world, campaign)


def test_of_two_who_release_at_once_one_counts(world, matter):
    incident, _ = matter
    campaign = prepare(world, *matter)
    world.staff({"work_number": "KF2098", "name": "第三人", "role": "imd", "outlet": "NJ-GL-01", "team": ""})

    def release(who):
        try:
            breach.release(world, incident, campaign, who)
        except AlreadyDecided:
            return 0
        return 1

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(release, (SECOND, "KF2098"))) == 1
    assert len(world.events("notice.released", "done")) == 1


def test_a_newer_draft_takes_the_place_of_the_older_one(world, matter):
    incident, _ = matter
    first = prepare(world, *matter)
    digest = breach.digest(world, incident, first)
    prepare(world, *matter)
    with pytest.raises(AlreadyDecided, match="notice_moved_on"):
        breach_notices.release(world.parts, world.person(SECOND), incident, first, digest, world.now)


def test_what_was_released_while_a_draft_was_listed_is_not_sent_twice(world, matter, monkeypatch):
    incident, _ = matter
    first, listing = prepare(world, *matter), breach_notices.list_recipients

    def meanwhile(*arguments, **options):
        fields = listing(*arguments, **options)
        breach.release(world, incident, first)
        return fields

    with monkeypatch.context() as patched:
        patched.setattr(breach_notices, "list_recipients", meanwhile)
        second = prepare(world, *matter)
    with pytest.raises(AlreadyDecided, match="notice_overlaps"):
        breach.release(world, incident, second)
    assert not released(world, second)
    assert breach.states(world, first) == {"waiting": 2}


def test_the_moment_of_the_contacts_is_part_of_what_is_released(world, matter):
    incident, _ = matter
    campaign = prepare(world, *matter)
    world.tamper("UPDATE notice_campaigns SET contacts_at = contacts_at - 1 WHERE campaign_id = :one", one=campaign)
    with pytest.raises(IntegrityError, match="notice_changed"):
        breach.release(world, incident, campaign)


def test_every_text_of_the_law_is_asked_for_in_both_languages(sqlite_world):
    world = sqlite_world
    breach.customers(world, 1)
    incident = breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    for language, name, typed, reason in (
        ("zh", "cause", "  ", "value_missing"),
        ("en", "advice", "", "value_missing"),
        ("en", "harm", "x" * (MOST_TYPED + 1), "text_too_long"),
        ("zh", "measures", "a\x00b", "not_text"),
    ):
        texts = copy.deepcopy(TEXTS)
        texts[language][name] = typed
        with pytest.raises(InvalidValue, match=reason) as raised:
            prepare(world, incident, radius, texts=texts)
        assert raised.value.facts["field"] == f"{language}_{name}"
    assert world.rows("SELECT COUNT(*) FROM notice_campaigns") == [(0,)]


def test_what_is_on_no_list_or_of_another_incident_is_refused(sqlite_world):
    world = sqlite_world
    breach.customers(world, 1)
    incident, other = breach.opened(world), breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    for changes in ({"template": "no-1"}, {"channels": ()}, {"channels": (Channel.SINK,)}):
        with pytest.raises(InvalidValue, match="not_on_list"):
            prepare(world, incident, radius, **changes)
    with pytest.raises(NotFound):
        prepare(world, other, radius)
    with pytest.raises(NotFound):
        prepare(world, incident, bytes(16))
    campaign = prepare(world, incident, radius)
    for walk in (breach_notices.wording, notice_sample.sample):
        with pytest.raises(NotFound):
            walk(world.parts, world.person(OFFICER), other, campaign, world.now)
    with pytest.raises(NotFound):
        breach_notices.release(world.parts, world.person(SECOND), other, campaign, "0" * 64, world.now)


def test_a_radius_whose_customers_are_all_told_leaves_nobody(sqlite_world):
    incident, campaign = breach.released(sqlite_world, 1)
    (radius,) = breach_notices.radii(sqlite_world.parts, sqlite_world.person(OFFICER), incident, sqlite_world.now)
    with pytest.raises(InvalidValue, match="nobody_to_tell"):
        prepare(sqlite_world, incident, radius.radius_id)
    assert released(sqlite_world, campaign)


def test_only_officers_prepare_and_release_and_refusals_are_logged(sqlite_world):
    world = sqlite_world
    breach.customers(world, 1)
    incident = breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    campaign = prepare(world, incident, radius)
    digest = breach.digest(world, incident, campaign)
    for who in ("KF2001", "KF2011", "ADMIN01"):
        with pytest.raises(AccessRefused, match="no_right"):
            prepare(world, incident, radius, who)
        with pytest.raises(AccessRefused, match="no_right"):
            breach_notices.release(world.parts, world.person(who), incident, campaign, digest, world.now)
    assert len(world.events("notice.prepared", "refused")) == 3
    assert len(world.events("notice.released", "refused")) == 3


def test_a_sample_is_one_logged_opening_with_a_masked_contact(world, matter):
    incident, _ = matter
    campaign = prepare(world, *matter)
    seen = notice_sample.sample(world.parts, world.person(OFFICER), incident, campaign, world.now)
    assert seen.channel is Channel.MAIL
    assert "@" not in seen.contact
    assert "王*" in seen.said["zh"].body
    (event,) = world.events("notice.contacts_opened")
    assert len(event["records"]) == 1
    assert breach.states(world, campaign) == {"waiting": 2}


def test_a_notice_names_as_masked_only_what_nobody_saw_in_clear(world):
    agent, row = "KF2001", world.customer()
    incident = breach.opened(world)
    found = world.look_up(agent, row["phone"])
    card = found.cards[0].record_id
    world.verify_caller(agent, found.case_id, card)
    world.view(agent, found.case_id, card)
    scope, officer = RadiusScope(person=agent), world.person(OFFICER)

    def kinds():
        drawn = radius.freeze(world.parts, officer, incident, scope, world.now)
        (line,) = drawn.lines
        assert ("customer.id_type" in line.clear, "customer.id_number" in (*line.clear, *line.masked)) == (True, False)
        prepare(world, incident, drawn.radius_id, channels=(Channel.CALL,))
        said = incident_drafts.draft(world.parts, officer, incident, world.now).kinds
        return said["zh"].split("、"), said["en"].split(", ")

    only, shown = "（仅显示遮盖后的内容）", "(shown masked only)"
    chinese, english = kinds()
    assert {"身份证件类型", f"姓名{only}", f"电话号码{only}"} <= set(chinese)
    assert {"type of identity document", f"name {shown}", f"telephone number {shown}"} <= set(english)
    assert "身份证件号码" not in "".join(chinese)  # its card shows that there is one, and none of its digits
    world.reveal(agent, found.case_id, card, "name")
    chinese, _ = kinds()
    assert {"姓名", f"电话号码{only}"} <= set(chinese)


def test_a_campaign_is_named_by_the_first_digits_of_its_id(world, matter):
    incident, frozen = matter
    replaced = prepare(world, incident, frozen)
    campaign = prepare(world, incident, frozen)
    assert breach_notices.found(world.parts, incident, f" {campaign.hex()[:6].upper()}") == campaign
    for typed in ("", campaign.hex()[:5], "zzzzzz", campaign.hex() + "0", replaced.hex()[:6]):
        with pytest.raises(NotFound, match="notice"):
            breach_notices.found(world.parts, incident, typed)
    with pytest.raises(NotFound, match="notice"):
        breach_notices.found(world.parts, breach.opened(world), campaign.hex()[:6])
    # A whole id is taken as it is: the act itself says whether there is one, to whom it may.
    assert breach_notices.found(world.parts, incident, replaced.hex()) == replaced


def test_drafts_tell_numbers_and_texts_and_nothing_of_a_customer(world, matter):
    incident, _ = matter
    empty = incident_drafts.draft(world.parts, world.person(OFFICER), incident, world.now)
    assert (empty.counts.customers, empty.kinds["zh"], dict(empty.texts["zh"])) == (2, "", {})
    prepare(world, *matter)
    found = incident_drafts.draft(world.parts, world.person(OFFICER), incident, world.now)
    assert found.kinds["zh"] == "姓名、寄件、收件地址"
    assert found.texts["zh"]["cause"] == TEXTS["zh"]["cause"]
    assert found.told == (0, 2)
