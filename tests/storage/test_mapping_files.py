import shutil

import pytest

from vault.config import ROOT
from vault.errors import PolicyError
from vault.storage.mapping_files import choose_mapping, load_mapping

FOLDER = ROOT / "policies" / "mappings"
CUSTOMERS = (FOLDER / "customers.toml").read_text(encoding="utf-8")


@pytest.fixture
def changed(tmp_path):
    def write(old, new, name="changed.toml"):
        assert old in CUSTOMERS
        (tmp_path / name).write_text(CUSTOMERS.replace(old, new), encoding="utf-8")
        return tmp_path / name

    return write


def test_every_mapping_of_the_company_loads_and_covers_what_it_requires():
    for path in FOLDER.glob("*.toml"):
        mapping = load_mapping(path)
        known = set(mapping.columns.values())
        assert known == {*mapping.mapping.required, *mapping.mapping.optional}


def test_the_mapping_that_knows_most_of_the_header_is_chosen(tmp_path, changed):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    changed('"姓名" = "name"', '"收件人" = "name"', "another.toml")
    for header, file in (("姓名", "courier-export-customers"), ("收件人", "courier-export-customers")):
        chosen = choose_mapping(tmp_path, "customer", ["客户编号", "手机号", header])
        assert chosen.mapping.id == file
        assert chosen.columns[header] == "name"


def test_a_header_no_mapping_of_the_class_knows_chooses_none():
    assert choose_mapping(FOLDER, "customer", ["甲", "乙"]) is None
    assert choose_mapping(FOLDER, "staff", ["运单号"]) is None
    assert choose_mapping(FOLDER, "customer", []) is None


def test_a_field_is_named_by_its_header_and_without_one_by_itself():
    mapping = load_mapping(FOLDER / "customers.toml")
    assert mapping.header_of("name") == "姓名"
    assert mapping.header_of("nothing") == "nothing"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('class = "customer"', 'class = "people"'),
        ('zone = "Asia/Shanghai"', 'zone = "Nowhere/Land"'),
        ('zone = "Asia/Shanghai"', 'zone = "../etc/passwd"'),
        ('id = "courier', 'extra = 1\nid = "courier'),
        ('"姓名" = "name"', '"姓名" = 3'),
        ('"name", "phone", "sender_address"', '"name", "sender_address"'),
        ('"姓名" = "name"', ""),
    ],
)
def test_a_mapping_of_another_shape_is_refused_by_file(changed, old, new):
    with pytest.raises(PolicyError) as refused:
        load_mapping(changed(old, new))
    assert refused.value.facts["file"] == "changed.toml"
    assert refused.value.reason == "mapping_malformed"


@pytest.mark.parametrize("content", [b"\xff", b"[mapping", None])
def test_a_mapping_that_cannot_be_read_is_refused_by_file(tmp_path, content):
    path = tmp_path / "broken.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError) as refused:
        load_mapping(path)
    assert (refused.value.reason, refused.value.facts["file"]) == ("mapping_unreadable", "broken.toml")
