from __future__ import annotations

import base64
import copy
import pickle

import pytest

from vault.crypto.providers import COST, FileProvider, PassphraseProvider, RootKey, stretch
from vault.crypto.suites import AES_256_GCM
from vault.errors import KeyStoreError

PASSPHRASE = "correct horse battery staple"
EPOCH = bytes(range(32))


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


def same_key(one, other):
    nonce = bytes(12)
    sealed = one.cipher(AES_256_GCM, EPOCH, b"test").encrypt(nonce, b"probe", None)
    return sealed == other.cipher(AES_256_GCM, EPOCH, b"test").encrypt(nonce, b"probe", None)


def refusal(call):
    with pytest.raises(KeyStoreError) as refused:
        call()
    return refused.value.reason


def file_provider(folder):
    return FileProvider(folder / "keys" / "root.key")


def passphrase_provider(folder, *typed):
    answers = iter(typed or (PASSPHRASE,) * 3)
    return PassphraseProvider(folder / "keys" / "root.key", lambda: next(answers))


# -- both ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
def test_a_created_key_is_the_same_in_the_next_process(folder, make):
    made = make(folder)
    made.create()
    assert same_key(made.root_key(), make(folder).root_key())


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
def test_the_file_is_0600_and_its_new_folder_0700(folder, make):
    make(folder).create()
    assert (folder / "keys" / "root.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "keys").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
@pytest.mark.parametrize("content", [b"", b"anything"])
def test_nothing_is_made_over_what_is_there(folder, make, content):
    there = folder / "keys" / "root.key"
    there.parent.mkdir(mode=0o700)
    there.write_bytes(content)
    assert refusal(make(folder).create) == "key_exists"
    assert there.read_bytes() == content


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
def test_nothing_is_made_over_a_broken_link(folder, make):
    (folder / "keys").mkdir(mode=0o700)
    (folder / "keys" / "root.key").symlink_to(folder / "unmounted" / "root.key")
    assert refusal(make(folder).create) == "key_exists"


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
def test_a_key_is_not_made_in_a_folder_that_others_can_write(folder, make):
    (folder / "keys").mkdir()
    (folder / "keys").chmod(0o770)
    assert refusal(make(folder).create) == "key_too_open"
    assert not list((folder / "keys").iterdir())


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
def test_a_missing_or_empty_file_is_refused(folder, make):
    assert refusal(make(folder).root_key) == "key_missing"
    make(folder).create()
    (folder / "keys" / "root.key").write_bytes(b"")
    assert refusal(make(folder).root_key) == "key_empty"


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_any_right_of_group_or_others_on_the_file_is_refused(folder, make, bit):
    make(folder).create()
    (folder / "keys" / "root.key").chmod(0o600 | bit)
    assert refusal(make(folder).root_key) == "key_too_open"


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
@pytest.mark.parametrize("bit", [0o020, 0o002])
def test_a_folder_that_others_can_write_is_refused(folder, make, bit):
    make(folder).create()
    (folder / "keys").chmod(0o700 | bit)
    assert refusal(make(folder).root_key) == "key_too_open"


@pytest.mark.parametrize("make", [file_provider, passphrase_provider])
def test_a_folder_in_place_of_the_file_is_refused(folder, make):
    (folder / "keys" / "root.key").mkdir(parents=True)
    assert refusal(make(folder).root_key) == "key_unreadable"


# -- file ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\n", "key_empty"),
        (b"ab" * 31 + b"\n", "key_wrong_length"),
        (b"ab" * 33 + b"\n", "key_wrong_length"),
        (b"ab" * 32 + b"\n\n", "key_wrong_length"),
        (b"zz" * 32 + b"\n", "key_not_hexadecimal"),
        (b"a " * 32 + b"\n", "key_not_hexadecimal"),
        (bytes(range(32)), "key_wrong_length"),
    ],
)
def test_a_key_file_with_anything_but_64_digits_is_refused_without_showing_it(folder, content, reason):
    file_provider(folder).create()
    (folder / "keys" / "root.key").write_bytes(content)
    with pytest.raises(KeyStoreError) as refused:
        file_provider(folder).root_key()
    assert refused.value.reason == reason
    assert refused.value.facts == {"path": str(folder / "keys" / "root.key")}


def test_the_digits_are_the_key(folder):
    file_provider(folder).create()
    (folder / "keys" / "root.key").write_text("0B" * 32)
    assert same_key(file_provider(folder).root_key(), RootKey(b"\x0b" * 32))


def test_two_key_files_differ(folder):
    FileProvider(folder / "a").create()
    FileProvider(folder / "b").create()
    assert (folder / "a").read_bytes() != (folder / "b").read_bytes()


# -- passphrase ------------------------------------------------------------------------------------------------------


def test_a_passphrase_is_asked_for_once_in_a_process(folder):
    passphrase_provider(folder).create()
    provider = passphrase_provider(folder, PASSPHRASE)
    assert same_key(provider.root_key(), provider.root_key())


def test_another_passphrase_gives_another_key(folder):
    made = passphrase_provider(folder)
    made.create()
    assert not same_key(made.root_key(), passphrase_provider(folder, PASSPHRASE + "!").root_key())


def test_the_file_holds_what_is_needed_to_derive_the_key_elsewhere(folder):
    made = passphrase_provider(folder)
    made.create()
    _, name, version, cost, salt = (folder / "keys" / "root.key").read_text().strip().split("$")
    assert (name, version, cost) == ("argon2id", "v=19", "m=65536,t=3,p=4")

    key = stretch(PASSPHRASE.encode(), base64.b64decode(salt + "=="), COST)
    assert same_key(made.root_key(), RootKey(key))


def test_the_same_characters_in_another_unicode_form_are_the_same_passphrase(folder):
    made = passphrase_provider(folder, "é" * 15, "e\u0301" * 15)
    made.create()
    assert same_key(made.root_key(), passphrase_provider(folder, "e\u0301" * 15).root_key())


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (("",), "passphrase_empty"),
        (("   ",), "passphrase_empty"),
        (("fourteen chars",), "passphrase_too_short"),
        ((PASSPHRASE, PASSPHRASE + "x"), "passphrases_differ"),
        ((PASSPHRASE + "\udcff",), "passphrase_not_text"),
        ((PASSPHRASE + "\n",), "passphrase_not_text"),
    ],
)
def test_a_new_passphrase_that_will_not_do_leaves_no_file(folder, typed, reason):
    assert refusal(passphrase_provider(folder, *typed).create) == reason
    assert not (folder / "keys").exists()


def test_an_empty_passphrase_is_refused_at_the_start(folder):
    passphrase_provider(folder).create()
    assert refusal(passphrase_provider(folder, "").root_key) == "passphrase_empty"


@pytest.mark.parametrize(
    "line",
    [
        "$argon2i$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=16$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=65536,t=3,p=4$AAAA",
        "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2id$v=19$m=99999999,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA",
        "x" * 150,
    ],
)
def test_a_parameter_file_that_is_not_ours_is_refused(folder, line):
    passphrase_provider(folder).create()
    (folder / "keys" / "root.key").write_text(line)
    assert refusal(passphrase_provider(folder).root_key) == "key_parameters_malformed"


@pytest.mark.parametrize(
    "cost", ["m=1048577,t=3,p=4", "m=8,t=3,p=1", "m=65536,t=17,p=4", "m=65536,t=0,p=4", "m=65536,t=3,p=17"]
)
def test_a_cost_out_of_bounds_is_refused_before_it_is_paid(folder, cost):
    passphrase_provider(folder).create()
    (folder / "keys" / "root.key").write_text(f"$argon2id$v=19${cost}$AAAAAAAAAAAAAAAAAAAAAA")
    assert refusal(passphrase_provider(folder).root_key) == "key_parameters_out_of_bounds"


# -- the key ---------------------------------------------------------------------------------------------------------


def test_root_key_epoch_secret_and_use_all_decide_the_cipher():
    made = {
        RootKey(root).cipher(AES_256_GCM, epoch, info).encrypt(bytes(12), b"probe", None)
        for root in (b"a" * 32, b"b" * 32)
        for epoch in (b"c" * 32, b"d" * 32)
        for info in (b"e", b"f")
    }
    assert len(made) == 8


def test_a_root_key_is_not_shown_copied_or_pickled():
    key = RootKey(b"k" * 32)
    assert {repr(key), str(key), f"{key}", f"{key!r}"} == {"RootKey(***)"}
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            take(key)
