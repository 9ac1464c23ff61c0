import threading
import time

from vault.storage import wal
from vault.storage.engine import Database

CHANGE = "UPDATE alembic_version SET version_num = version_num"


def test_who_writes_while_a_reader_is_in_the_way_of_the_cut_does_not_wait_for_it(sqlite_database):
    # Else a job that reads and writes in turns, such as the night's draft, would wait for itself.
    cutter = Database(sqlite_database.url.render_as_string())
    cut = []
    cutting = threading.Thread(target=lambda: cut.append(wal.truncate(cutter)))
    longest = 0.0
    with sqlite_database.read() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM records").fetchall()
        cutting.start()
        while cutting.is_alive():
            begun = time.monotonic()
            with sqlite_database.write() as connection:
                connection.exec_driver_sql(CHANGE)
                connection.commit()
            longest = max(longest, time.monotonic() - begun)
    cutting.join()
    assert cut == [False]
    assert longest < 1.0
    assert wal.truncate(cutter) is True
    cutter.dispose()
