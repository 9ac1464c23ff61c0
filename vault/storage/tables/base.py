"""What every table is made of: names of constraints, times as whole microseconds, and random ids."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Dialect, ForeignKey, LargeBinary, MetaData
from sqlalchemy.types import TypeDecorator

from vault.domain.records import from_micros, to_micros

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn an aware time into microseconds."""
        del dialect
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Turn microseconds into an aware UTC time."""
        del dialect
        return None if value is None else from_micros(value)


ID = LargeBinary(16)
RANDOM_ID = "16 random bytes"


def id_column(name: str, *args: ForeignKey, nullable: bool = False, comment: str = RANDOM_ID) -> Column[bytes]:
    """Return a column of random ids."""
    return Column(name, ID, *args, nullable=nullable, comment=comment)
