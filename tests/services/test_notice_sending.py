from tests import breach
from tests.mailbox import Mailbox


def test_every_customer_gets_one_notice_in_both_languages(world):
    with Mailbox() as box:
        breach.with_mail(world, box.url)
        incident, campaign = breach.released(world)
        ran = breach.send(world, incident)
        assert sorted(box.recipients) == [f"c{number:05d}@example.com" for number in range(3)]
        assert breach.states(world, campaign) == {"sent": 3}
        assert breach.send(world, incident).counts.total() == 0
        assert len(box.got) == 3
