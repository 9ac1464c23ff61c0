"""The life of an account as a table: what leads where, and that nothing leads out of its end."""

from __future__ import annotations

import itertools

import pytest

from vault.domain.accounts import Act, led_to, possible
from vault.domain.people import AccountState

INVITED, ACTIVE, LOCKED, SUSPENDED, LEFT = AccountState


@pytest.mark.parametrize("act", Act)
def test_nothing_leads_out_of_left(act: Act) -> None:
    assert led_to(LEFT, act, can_sign_in=True) is None
    assert led_to(LEFT, act, can_sign_in=False) is None


@pytest.mark.parametrize("state", [one for one in AccountState if one is not LEFT])
def test_everybody_can_leave_and_can_be_stopped_at_once(state: AccountState) -> None:
    assert led_to(state, Act.LEAVE, can_sign_in=True) is LEFT
    assert state is LOCKED or led_to(state, Act.LOCK, can_sign_in=True) is LOCKED


@pytest.mark.parametrize("state", [LOCKED, SUSPENDED])
def test_unlocking_leads_back_to_use_only_where_there_is_a_way_to_sign_in(state: AccountState) -> None:
    assert led_to(state, Act.UNLOCK, can_sign_in=True) is ACTIVE
    assert led_to(state, Act.UNLOCK, can_sign_in=False) is INVITED


@pytest.mark.parametrize("state", [LOCKED, SUSPENDED])
def test_neither_a_secret_nor_a_reset_opens_what_was_stopped(state: AccountState) -> None:
    assert led_to(state, Act.ACTIVATE, can_sign_in=True) is None
    assert led_to(state, Act.INVITE, can_sign_in=True) is None
    assert led_to(state, Act.RESET, can_sign_in=True) is state


def test_only_unlocking_and_activation_lead_into_use() -> None:
    leading = {
        act
        for state, act in itertools.product(AccountState, Act)
        if state is not ACTIVE and led_to(state, act, can_sign_in=True) is ACTIVE
    }
    assert leading == {Act.ACTIVATE, Act.UNLOCK}


def test_what_is_offered_to_an_administrator_is_what_leads_somewhere() -> None:
    for state in AccountState:
        offered = possible(state, is_program=False)
        assert offered == {act for act in Act if led_to(state, act, can_sign_in=True)} - {Act.ACTIVATE}
        assert possible(state, is_program=True) == offered - {Act.INVITE, Act.RESET}
