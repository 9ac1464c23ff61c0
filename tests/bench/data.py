"""Files to import, of any size: the small synthetic set, made again with other seeds and other numbers."""

from __future__ import annotations

import csv
import sys
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
import make_data

CUSTOMERS_IN_BLOCK = make_data.CUSTOMERS
_NUMBERED = ("客户编号", "寄件客户编号", "收件客户编号", "记录编号")
NAMES = ("customers", "shipments", "service_records")


def write_files(folder: Path, blocks: range) -> dict[str, Path]:
    """Write customers, shipments and service records of some blocks, each of 200, 400 and 300 rows.

    Args:
        folder: where to.
        blocks: which; different blocks share no number.

    Returns:
        The files by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.csv" for name in NAMES}
    files = {name: path.open("w", encoding="utf-8", newline="") for name, path in paths.items()}
    writers: dict[str, csv.DictWriter[str]] = {}
    for block in blocks:
        for name, rows in tables(block).items():
            if name not in writers:
                writers[name] = csv.DictWriter(files[name], list(rows[0]), lineterminator="\n")
                writers[name].writeheader()
            writers[name].writerows(rows)
    for file in files.values():
        file.close()
    return paths


def tables(block: int) -> dict[str, list[dict[str, str]]]:
    """Return one block; the same block is the same rows on the same day."""
    make_data.SEED = 20261120 + block
    made = make_data.make_tables(_today())
    return {name: [_renumbered(row, block) for row in made[name]] for name in NAMES}


def write_staff(path: Path) -> None:
    """Write the accounts that own customers and handle services."""
    path.write_bytes(make_data.as_csv(make_data.make_tables(_today())["staff"]))


def pool_phones(block: int) -> list[str]:
    """Return phones of a block's customers whom nobody owns and who are not past their period."""
    rows = tables(block)["customers"]
    return [row["手机号"] for place, row in enumerate(rows) if not row["归属客服"] and not make_data.is_dormant(place)]


def _renumbered(row: dict[str, str], block: int) -> dict[str, str]:
    return row | {name: f"{row[name]}-{block}" for name in _NUMBERED if row.get(name)}


def _today() -> datetime:
    """Return the midnight with which yesterday began, so that nothing lies in the future of any time zone."""
    return datetime.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)  # noqa: DTZ005
