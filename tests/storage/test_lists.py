import pytest
from sqlalchemy import text

from vault.storage.lists import rows_in


@pytest.mark.parametrize("count", [0, 1, 2, 3, 25, 64, 65, 4096, 4097, 9000])
def test_a_list_of_any_length_finds_each_row_once(database, count):
    values = [number.to_bytes(4, "big") for number in range(count)]
    with database.write() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE things (id bytea, kind integer)"))
        if values:
            connection.execute(text("INSERT INTO things VALUES (:id, 1)"), [{"id": value} for value in values])
        connection.execute(text("INSERT INTO things VALUES (:id, 2)"), {"id": b"other"})
        found = [row[0] for row in rows_in(connection, "SELECT id FROM things WHERE id", values)]
        assert sorted(found) == values
        some = values[::2]
        asked = rows_in(connection, "SELECT id FROM things WHERE kind = ? AND id", some, (1,))
        assert sorted(row[0] for row in asked) == some
        assert not list(rows_in(connection, "SELECT id FROM things WHERE kind = ? AND id", values, (3,)))
        connection.rollback()
