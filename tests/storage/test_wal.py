import threading

from vault.storage import wal
from vault.storage.engine import Database

CHANGE = "UPDATE alembic_version SET version_num = version_num"


def change(database):
    with database.write() as connection:
        connection.exec_driver_sql(CHANGE)
        connection.commit()


def test_who_writes_while_a_reader_is_in_the_way_of_the_cut_does_not_wait_for_it(sqlite_database):
    # Else a job that reads and writes in turns, such as the night's draft, would wait for itself.
    cutter = Database(sqlite_database.url.render_as_string())
    cut, changes = [], 0
    cutting = threading.Thread(target=lambda: cut.append(wal.truncate(cutter)))
    with sqlite_database.read() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM records").fetchall()
        change(sqlite_database)  # newer than what the reader sees: from here on it is in the way
        cutting.start()
        while cutting.is_alive():
            change(sqlite_database)
            changes += 1
    cutting.join()
    assert cut == [False]
    assert changes > 3, "a writer got in only after the cut had given up"
    assert wal.truncate(cutter) is True
    cutter.dispose()
