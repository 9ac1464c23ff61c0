import dataclasses
from pathlib import Path

import pytest

from vault.config import load_config
from vault.errors import SetupError


def load(**values):
    return load_config({f"DATAVAULT_{name}": value for name, value in values.items()})


def test_with_only_the_data_folder_everything_lies_within_it():
    config = load(DATA_DIR="/srv/vault")
    assert config.database_url.startswith("sqlite:////srv/vault/")
    for path in (*config.key_copies, config.checkpoint_dir, config.root_key_file, config.keys_dir):
        assert path.is_relative_to("/srv/vault")
    assert config.migrator_url == config.database_url
    assert len(config.key_copies) == 2


def test_without_any_setting_nothing_listens_beyond_this_host_and_production_is_assumed():
    config = load()
    assert config.host == "127.0.0.1"
    assert config.env == "production"
    assert config.metrics_token_file is None
    assert config.data_dir.is_absolute()


def test_an_empty_variable_is_as_good_as_none():
    assert load(DATABASE_URL="", BIND="", KEY_COPIES="") == load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENV", "debug"),
        ("ROOT_KEY_PROVIDER", "none"),
        ("WORKERS", "two"),
        ("WORKERS", "-1"),
        ("WORKERS", "65"),
        ("WORKERS", "٣"),
        ("THREADS", "1e3"),
        ("PROXY_HOPS", "6"),
        ("KEY_COPIES", "/one"),
        ("BIND", "8321"),
        ("BIND", "127.0.0.1:"),
        ("LANG", "de"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_the_name_of_its_variable(name, value):
    with pytest.raises(SetupError) as refused:
        load(**{name: value})
    assert refused.value.facts["setting"] == f"DATAVAULT_{name}"
    assert value not in str(refused.value) or value == "8321"


def test_paths_and_lists_are_taken_apart():
    config = load(KEY_COPIES="/a:/b:/c", TRUSTED_HOSTS="one two", BIND="[::1]:9", METRICS_TOKEN_FILE="/t")
    assert config.key_copies == (Path("/a"), Path("/b"), Path("/c"))
    assert config.trusted_hosts == ("one", "two")
    assert (config.host, config.metrics_token_file) == ("[::1]", Path("/t"))


@pytest.mark.parametrize(
    ("environ", "language"),
    [({}, "zh-CN"), ({"LANG": "en_GB.UTF-8"}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh-CN"), ({"LANG": "de_DE"}, "zh-CN")],
)
def test_the_language_follows_the_system_unless_it_is_set(environ, language):
    assert load_config(environ).language == language
    assert load_config(environ | {"DATAVAULT_LANG": "en"}).language == "en"


def test_the_password_of_the_mail_server_is_not_shown_with_the_settings():
    config = load(SMTP_URL="smtps://vault:secret@mail.example.com", MAIL_FROM="vault@example.com")
    assert "secret" in config.smtp_url
    assert "secret" not in repr(config)


def test_settings_never_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().env = "demo"


def test_no_setting_holds_a_secret_itself():
    names = {field.name for field in dataclasses.fields(load())}
    assert not [
        name for name in names if ("secret" in name or "password" in name or "token" in name) and "file" not in name
    ]
