import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import ImportRefused
from vault.storage.csv_files import LONGEST_CELL, open_csv


def read(path, content):
    path.write_bytes(content)
    with open_csv(path) as file:
        return file.header, list(file.rows())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.csv"


TEXT = "工号,姓名\nKF1,㐀𠮷\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("gb18030"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
        TEXT.rstrip("\n").encode(),
        b"\n" + TEXT.encode() + b"\n\n",
    ],
)
def test_a_file_is_read_in_every_encoding_and_line_ending_companies_use(path, content):
    header, rows = read(path, content)
    assert header == ("工号", "姓名")
    assert [row.cells for row in rows] == [("KF1", "㐀𠮷")]
    assert not rows[0].fault


def test_a_character_cut_by_the_end_of_the_sample_does_not_change_the_encoding(path):
    for pad in range(4):
        content = "a,b\n" + "x" * pad + "姓" * 40_000 + ",1\n"
        _, rows = read(path, content.encode())
        assert rows[0].fault == "cell_too_long"


def test_lines_are_counted_through_quoted_line_breaks(path):
    _, rows = read(path, b'a,b\n"1\n2",3\n4,5\n\n6,7\n')
    assert [(row.line, row.cells) for row in rows] == [(2, ("1\n2", "3")), (4, ("4", "5")), (6, ("6", "7"))]


def test_cells_are_stripped_and_quotes_undone(path):
    _, rows = read(path, b'a,b\n 1 ,"2 ""x"", 3"\n')
    assert rows[0].cells == ("1", '2 "x", 3')


@pytest.mark.parametrize(
    ("content", "fault", "column"),
    [
        (b"a,b\n1\n", "row_cut", 0),
        (b"a,b\n1,2,3\n", "row_too_wide", 1),
        (b"a,b\n1,\0\n", "nul_byte", 1),
        (b"a,b\n1,2,3,\0\n", "nul_byte", 1),
        (b"a,b\n1,2," + b"x" * (LONGEST_CELL + 1) + b"\n", "cell_too_long", 1),
        (b"a,b\n" + b"x" * (LONGEST_CELL + 1) + b",1\n", "cell_too_long", 0),
        (b'a,b\n"1,2\n3,4\n', "unclosed_quote", -1),
        (b'a,b\n"1"x,2\n', "bad_quoting", -1),
    ],
)
def test_a_row_that_cannot_be_read_names_its_fault_and_a_column_that_the_header_has(path, content, fault, column):
    header, rows = read(path, content)
    assert (rows[0].fault, rows[0].column) == (fault, column)
    assert rows[0].column < len(header)


def test_the_rows_after_a_bad_one_are_read(path):
    _, rows = read(path, b"a,b\n1\n2,3\n4,\0\n5,6\n")
    assert [row.fault for row in rows] == ["row_cut", "", "nul_byte", ""]


def test_bytes_that_are_no_text_end_the_file_with_one_faulty_row(path):
    content = "姓,名\n".encode() + b"1,2\n" * 40_000 + b"\xff\xfe,3\n"
    _, rows = read(path, content)
    assert rows[-1].fault == "not_utf8"
    assert len([row for row in rows if row.fault]) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b"\n \n", "empty_file"),
        (b"\xff\xff\xff", "unknown_encoding"),
        (b'"a,b\n', "unclosed_quote"),
        (b"a\0,b\n", "nul_byte"),
    ],
)
def test_a_file_without_a_header_row_is_refused(path, content, reason):
    with pytest.raises(ImportRefused) as refused:
        read(path, content)
    assert refused.value.reason == reason


@pytest.mark.parametrize("endless", ["a," * 1_000_000, '"a\n",' * 400_000], ids=["one line", "many lines in one row"])
def test_a_row_without_end_is_refused_before_it_is_held_whole(path, endless):
    path.write_text("a,b\n1,2\n" + endless)
    with open_csv(path) as file:
        good, bad = file.rows()
        assert (good.cells, good.fault) == (("1", "2"), "")
        assert (bad.line, bad.cells, bad.fault) == (3, (), "row_too_wide")
        assert file.bytes_read() < 0.6 * file.size


def test_a_file_that_is_not_there_is_refused_by_name(path):
    with pytest.raises(ImportRefused) as refused, open_csv(path):
        pass
    assert refused.value.reason == "file_unreadable"


def test_progress_ends_at_the_size_of_the_file(path):
    path.write_bytes(b"a,b\n" + b"1,2\n" * 50_000)
    with open_csv(path) as file:
        seen = [file.bytes_read() for _ in file.rows()]
        assert seen == sorted(seen)
        assert seen[-1] == file.size == path.stat().st_size


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)


@given(rows=st.lists(st.tuples(CELL, CELL).filter(any), max_size=8), encoding=st.sampled_from(["utf-8", "utf-8-sig"]))
def test_what_was_written_is_read(tmp_path_factory, rows, encoding):
    import csv  # noqa: PLC0415 - the writer is the standard library's
    import io  # noqa: PLC0415

    text = io.StringIO()
    csv.writer(text).writerows([("一", "二"), *rows])
    path = tmp_path_factory.mktemp("csv") / "file.csv"
    header, read_rows = read(path, text.getvalue().encode(encoding))
    assert header == ("一", "二")
    assert [row.cells for row in read_rows] == rows
