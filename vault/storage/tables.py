"""Every table of the vault; contents are sealed, what stands in clear is ids, dates and words of closed lists.

Times are whole microseconds since 1970 UTC (:class:`UtcTime`): exact, equal on both engines, and the same
number that the metadata MAC covers. ``docs/formats.md`` describes each column for readers without our code.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
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
_RANDOM_ID = "16 random bytes"


def _id(name: str, *args: ForeignKey, nullable: bool = False, comment: str = _RANDOM_ID) -> Column[bytes]:
    return Column(name, ID, *args, nullable=nullable, comment=comment)


vault_state = Table(
    "vault_state",
    metadata,
    Column("singleton", SmallInteger, primary_key=True, autoincrement=False, comment="always 1: there is one vault"),
    _id("vault_id", comment="bound into every ciphertext; tells another vault's files apart"),
    Column("origin", String(120), nullable=False, comment="first line of each checkpoint, and the name of its key"),
    Column("pin", String(250), nullable=False, comment="public key of checkpoints, as a C2SP verifier key"),
    Column("key_store_version", BigInteger, nullable=False, comment="mirrors the key store file; never ahead of it"),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("singleton = 1", name="one_row"),
)

cohorts = Table(
    "cohorts",
    metadata,
    Column("cohort_id", ID, primary_key=True, comment="random id of the cohort key; never reused"),
    Column("record_class", String(20), nullable=False),
    Column("end_on", Date, nullable=False, comment="last day of its span, company time zone"),
    Column("state", String(10), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("closing_at", UtcTime, nullable=True, comment="since when nothing is sealed under it"),
    Column("emptied_at", UtcTime, nullable=True, comment="when the last wrap under it was gone"),
    Column("destroyed_at", UtcTime, nullable=True, comment="when every registered copy had lost its key"),
    Column(
        "moved_size",
        BigInteger,
        nullable=True,
        comment="events in the log when the last record had left; a backup of as many holds every move",
    ),
    UniqueConstraint("record_class", "end_on", comment="two processes meeting a new month make one cohort"),
    CheckConstraint("state IN ('open', 'closing', 'empty', 'destroyed')", name="state"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("work_number", String(32), nullable=False, comment="工号; how a person is named in the access log"),
    Column("role", String(24), nullable=False),
    Column("outlet", String(32), nullable=False),
    Column("team", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("sealed_name", LargeBinary, nullable=False, comment="sealed under the people key"),
    Column("password", Text, nullable=True, comment="Argon2id PHC string"),
    Column("password_changed_at", UtcTime, nullable=True),
    Column("invite_hash", LargeBinary(32), nullable=True, comment="SHA-256 of a one-time secret of 128 random bits"),
    Column("invite_expires_at", UtcTime, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("password_expired_at", UtcTime, nullable=True, comment="first seen too old; empty once changed"),
    Column("kind", String(8), nullable=False, server_default="person", comment="a person, or a program with tokens"),
    Column("sealed_totp", LargeBinary, nullable=True, comment="shared secret of RFC 6238, sealed under the people key"),
    Column(
        "totp_confirmed_at", UtcTime, nullable=True, comment="when its first code was given; empty: no second factor"
    ),
    Column("totp_step", BigInteger, nullable=True, comment="the last time step whose code was taken: none is twice"),
    UniqueConstraint("work_number", comment="one human, one account (AC-03)"),
    CheckConstraint("state IN ('invited', 'active', 'locked', 'suspended', 'left')", name="state"),
    CheckConstraint("state <> 'active' OR password IS NOT NULL OR kind = 'service'", name="active_has_password"),
    CheckConstraint("kind IN ('person', 'service')", name="kind"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of the opaque session token"),
    _id("session_id", comment="how the access log names the session"),
    _id("account_id", ForeignKey("accounts.account_id")),
    Column("source", String(64), nullable=False, comment="network address at sign-in"),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False, comment="written at most once a minute"),
    Column("expires_at", UtcTime, nullable=False, comment="absolute limit, set once"),
    Column("ended_at", UtcTime, nullable=True),
    Column("acknowledged_at", UtcTime, nullable=True, comment="when its person last saw who else was signed in"),
    Column("proved_at", UtcTime, nullable=True, comment="when password and second factor were last given; empty: owed"),
    Index(None, "account_id"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of the token, 256 random bits"),
    _id("token_id", comment="how the access log names the token"),
    _id("account_id", ForeignKey("accounts.account_id")),
    Column("purposes", String(200), nullable=False, comment="purpose ids it is limited to, with commas"),
    _id("made_by", ForeignKey("accounts.account_id")),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=True, comment="written at most once a minute"),
    Column("ended_at", UtcTime, nullable=True),
    Index(None, "account_id"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", ID, ForeignKey("accounts.account_id"), primary_key=True),
    Column("code_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of a code of 100 random bits"),
    Column("used_at", UtcTime, nullable=True),
)

password_history = Table(
    "password_history",
    metadata,
    Column("account_id", ID, ForeignKey("accounts.account_id"), primary_key=True),
    Column("changed_at", UtcTime, primary_key=True, autoincrement=False, comment="when it was chosen"),
    Column("password", Text, nullable=False, comment="Argon2id PHC string"),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("source", String(64), primary_key=True, comment="network address, or network of IPv6 addresses"),
    Column(
        "who", BigInteger, primary_key=True, autoincrement=False, comment="keyed tag of a work number; 0: the source"
    ),
    Column("failures", Integer, nullable=False),
    Column("failed_at", UtcTime, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("record_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("record_class", String(20), nullable=False),
    _id("cohort_id", ForeignKey("cohorts.cohort_id"), comment="whose key wraps the record's data key"),
    _id("owner_id", ForeignKey("accounts.account_id"), nullable=True, comment="归属客服, or who handles the service"),
    Column("outlet", String(32), nullable=False),
    Column("kind", String(16), nullable=False, comment="service records: consultation, complaint, callback, rating"),
    Column("state", String(10), nullable=False),
    Column("held", Boolean, nullable=False, comment="under legal hold"),
    Column("activity_at", UtcTime, nullable=False, comment="from which the expiry is computed"),
    Column("expires_at", UtcTime, nullable=True, comment="restricted from this second; empty while open"),
    _id("sender_id", nullable=True),
    _id("recipient_id", nullable=True),
    _id("customer_id", nullable=True),
    _id("shipment_id", nullable=True),
    Column("mac", LargeBinary(32), nullable=False, comment="over all columns above and the list of current fields"),
    Column("revision", Integer, nullable=False, comment="counts every change"),
    Column("import_revision", Integer, nullable=True, comment="the revision the last import left; empty: made here"),
    Column("entered_at", UtcTime, nullable=False, comment="when it was entered (CE-02)"),
    Column("late", Boolean, nullable=False, comment="entered more than 30 minutes after the service ended (CE-02)"),
    Column("notice_missing", Boolean, nullable=False, comment="no notice was given or recorded (CE-01)"),
    CheckConstraint("state IN ('settled', 'open')", name="state"),
    CheckConstraint("state = 'open' OR expires_at IS NOT NULL", name="settled_expires"),
    CheckConstraint("record_class = 'service_record' OR (state = 'settled' AND kind = '')", name="only_services_open"),
    Index(None, "cohort_id"),
)
Index(
    "ix_records_late",
    records.c.owner_id,
    records.c.entered_at,
    sqlite_where=records.c.late.is_(True),
    postgresql_where=records.c.late.is_(True),
)
for _link in ("sender_id", "recipient_id", "customer_id", "shipment_id"):
    Index(
        f"ix_records_{_link}",
        records.c[_link],
        sqlite_where=records.c[_link].is_not(None),
        postgresql_where=records.c[_link].is_not(None),
    )

# A link may outlive the record it names: then the name of a tombstone is all that is left of that one.
#
# Fields, wraps and index rows have no foreign key on their record: they are written in its own transaction by
# record_writes alone, the metadata MAC covers the list of fields, and on PostgreSQL the checks cost as much as
# the rest of an import (docs/adr).
record_fields = Table(
    "record_fields",
    metadata,
    _id("record_id"),
    Column("field", String(24), nullable=False),
    Column("ordinal", SmallInteger, nullable=False, comment="several phones or addresses: 0, 1, …"),
    Column("generation", Integer, nullable=False, comment="how often this value has been replaced"),
    Column("sealed", LargeBinary, nullable=False),
    Column("valid_from", UtcTime, nullable=False),
    Column("superseded_at", UtcTime, nullable=True, comment="kept sealed for breach notices; dies with the record"),
    PrimaryKeyConstraint("record_id", "field", "ordinal", "generation"),
    # A sealed value is at least layout, suite, nonce and tag: a value in clear that slips in here is refused.
    CheckConstraint("length(sealed) >= 30", name="is_sealed"),
    sqlite_with_rowid=False,
)

wrapped_keys = Table(
    "wrapped_keys",
    metadata,
    _id("cohort_id"),
    _id("record_id"),
    Column("wrapped", LargeBinary, nullable=False, comment="the record's data key under the cohort's wrap key"),
    PrimaryKeyConstraint("cohort_id", "record_id"),
    CheckConstraint("length(wrapped) = 62", name="is_wrapped"),
    sqlite_with_rowid=False,
    postgresql_partition_by="LIST (cohort_id)",
)

record_index = Table(
    "record_index",
    metadata,
    Column("tag", LargeBinary(16), nullable=False, comment="blind-index tag under a cohort's key for the kind"),
    _id("record_id"),
    Column("kind", String(16), nullable=False),
    Column("ordinal", SmallInteger, nullable=False),
    PrimaryKeyConstraint("tag", "record_id", "kind", "ordinal"),
    CheckConstraint("length(tag) = 16", name="full_tag"),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("purpose", String(24), nullable=False),
    _id("opened_by", ForeignKey("accounts.account_id")),
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime, nullable=True),
    _id("held_by", ForeignKey("accounts.account_id"), comment="whose case it is now; a hand-over changes it"),
    Index(None, "held_by", "opened_at"),
)

case_records = Table(
    "case_records",
    metadata,
    _id("case_id", ForeignKey("cases.case_id")),
    _id("record_id", comment="a record this case was opened on from an exact identifier"),
    PrimaryKeyConstraint("case_id", "record_id"),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

case_lookups = Table(
    "case_lookups",
    metadata,
    _id("case_id", ForeignKey("cases.case_id")),
    Column("identifier_kind", String(16), comment="a kind of number that was looked up in this case"),
    PrimaryKeyConstraint("case_id", "identifier_kind"),
    sqlite_with_rowid=False,
)

access_requests = Table(
    "access_requests",
    metadata,
    Column("request_id", ID, primary_key=True, comment="also the id of the record of class request that holds it"),
    _id("case_id", ForeignKey("cases.case_id")),
    _id("asked_by", ForeignKey("accounts.account_id")),
    Column("identifier_kind", String(16), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    _id("decided_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("decided_at", UtcTime, nullable=True),
    Column(
        "reason", String(40), nullable=False, server_default="", comment="why it was refused; not told to the asker"
    ),
    Column("sought", LargeBinary(16), nullable=True, comment="keyed tag of case and identifier: asked once"),
    _id("leads_to", nullable=True, comment="the record to go on with once granted"),
    CheckConstraint("state IN ('asked', 'granted', 'refused', 'ended')", name="state"),
    Index(None, "asked_by", "asked_at"),
    Index(None, "case_id"),
)

request_targets = Table(
    "request_targets",
    metadata,
    _id("request_id", ForeignKey("access_requests.request_id")),
    _id("account_id", ForeignKey("accounts.account_id"), comment="who may decide it"),
    PrimaryKeyConstraint("request_id", "account_id"),
    Index(None, "account_id"),
    sqlite_with_rowid=False,
)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("kind", String(12), nullable=False),
    _id("account_id", ForeignKey("accounts.account_id"), comment="who may see the customer"),
    _id("record_id", comment="the customer"),
    _id("case_id", ForeignKey("cases.case_id"), nullable=True, comment="with which it ends; empty: not taken up yet"),
    _id("request_id", ForeignKey("access_requests.request_id"), nullable=True),
    Column("purpose", String(24), nullable=False),
    _id("granted_by", ForeignKey("accounts.account_id")),
    Column("granted_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=True, comment="revoked, or its case closed"),
    CheckConstraint("kind IN ('asked', 'shared', 'break_glass')", name="kind"),
    Index(None, "account_id", "expires_at"),
    Index(None, "case_id"),
    Index(None, "granted_by", "granted_at"),
    Index(None, "request_id"),
)

caller_checks = Table(
    "caller_checks",
    metadata,
    Column("check_id", ID, primary_key=True, comment=_RANDOM_ID),
    _id("case_id", ForeignKey("cases.case_id")),
    _id("record_id", comment="the customer the caller says to be"),
    _id("account_id", ForeignKey("accounts.account_id"), comment="who asked the caller"),
    Column("question", String(40), nullable=False, comment="of the policy; empty for a refusal"),
    Column("outcome", String(10), nullable=False),
    Column("reason", String(40), nullable=False, comment="of a refusal, from the policy"),
    Column("at", UtcTime, nullable=False),
    CheckConstraint("outcome IN ('match', 'no_match', 'refused')", name="outcome"),
    Index(None, "case_id", "record_id"),
    Index(None, "record_id", "at"),
)

break_glass = Table(
    "break_glass",
    metadata,
    Column("break_glass_id", ID, primary_key=True, comment="also the id of the record of class request that holds it"),
    _id("case_id", ForeignKey("cases.case_id")),
    _id("asked_by", ForeignKey("accounts.account_id")),
    Column("profile", String(40), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("identifier_kind", String(16), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    Column("owner_contact", String(10), nullable=False, comment="whether the owner was reached by phone (KY-03)"),
    Column("owner_called_at", UtcTime, nullable=True, comment="to the minute; empty: not called"),
    _id("second_person", ForeignKey("accounts.account_id"), nullable=True, comment="who stood by (KY-11)"),
    Column("opened_at", UtcTime, nullable=True),
    Column("expires_at", UtcTime, nullable=True, comment="hard limit, set once when it is opened"),
    Column("review_due_at", UtcTime, nullable=True),
    _id("reviewed_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("reviewed_at", UtcTime, nullable=True),
    Column("finding", String(40), nullable=False, server_default="", comment="of the review, from the policy"),
    CheckConstraint("state IN ('asked', 'approved', 'opened', 'refused', 'ended', 'reviewed')", name="state"),
    CheckConstraint("owner_contact IN ('yes', 'attempted', 'no')", name="owner_contact"),
    Index(None, "case_id"),
    Index(None, "state", "asked_at"),
)

break_glass_votes = Table(
    "break_glass_votes",
    metadata,
    _id("break_glass_id", ForeignKey("break_glass.break_glass_id")),
    _id("account_id", ForeignKey("accounts.account_id")),
    Column("approved", Boolean, nullable=False),
    Column("reason", String(40), nullable=False),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("break_glass_id", "account_id"),
)

handovers = Table(
    "handovers",
    metadata,
    Column("handover_id", ID, primary_key=True, comment="also the id of the record of class request with the note"),
    _id("from_account", ForeignKey("accounts.account_id")),
    _id("to_account", ForeignKey("accounts.account_id")),
    Column("offered_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    Column("decided_at", UtcTime, nullable=True),
    Column("reason", String(40), nullable=False, server_default="", comment="why it was refused, from the policy"),
    Column("read_at", UtcTime, nullable=True, comment="when the incoming colleague read the note"),
    CheckConstraint("state IN ('offered', 'accepted', 'refused', 'withdrawn')", name="state"),
    Index(None, "from_account", "offered_at"),
    Index(None, "to_account", "offered_at"),
)

handover_cases = Table(
    "handover_cases",
    metadata,
    _id("handover_id", ForeignKey("handovers.handover_id")),
    _id("case_id", ForeignKey("cases.case_id")),
    PrimaryKeyConstraint("handover_id", "case_id"),
    Index(None, "case_id"),
    sqlite_with_rowid=False,
)

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", ID, primary_key=True, comment=_RANDOM_ID),
    _id("account_id", ForeignKey("accounts.account_id"), comment="who is told"),
    Column("kind", String(32), nullable=False),
    _id("about", comment="id of what it is about; told once for each person, kind and thing"),
    Column("at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=True),
    UniqueConstraint("account_id", "kind", "about"),
    Index(None, "account_id", "at"),
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("disclosure_id", ID, primary_key=True, comment="of what was read: the event that the log holds of it"),
    _id("account_id", ForeignKey("accounts.account_id")),
    Column("at", UtcTime, nullable=False),
    Column("kind", String(10), nullable=False),
    _id("record_id", nullable=True, comment="the customer of a reveal; for counting distinct ones"),
    CheckConstraint("kind IN ('lookup', 'miss', 'reveal', 'ask', 'search')", name="kind"),
    Index(None, "account_id", "at"),
)

signals = Table(
    "signals",
    metadata,
    Column("signal_id", ID, primary_key=True, comment=_RANDOM_ID),
    _id("account_id", ForeignKey("accounts.account_id"), comment="whose reading gave rise to it"),
    Column("kind", String(24), nullable=False),
    Column("count", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    _id("released_by", ForeignKey("accounts.account_id"), nullable=True, comment="the supervisor who lifted the limit"),
    Column("released_at", UtcTime, nullable=True),
    Index(None, "account_id", "at"),
)

holds = Table(
    "holds",
    metadata,
    Column("hold_id", ID, primary_key=True, comment=_RANDOM_ID),
    _id("record_id", comment="what must not be destroyed, and with it what it links to"),
    Column("record_class", String(20), nullable=False),
    Column("reason", String(40), nullable=False, comment="from the policy"),
    Column("sealed_source", LargeBinary, nullable=False, comment="the document asking for it; under the people key"),
    _id(
        "placed_by",
        ForeignKey("accounts.account_id"),
        nullable=True,
        comment="empty: a restore brought it back from the ledger",
    ),
    Column("placed_at", UtcTime, nullable=False),
    Column("review_on", Date, nullable=False, comment="by when somebody looks at it again, company time zone"),
    _id("released_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("released_at", UtcTime, nullable=True),
    Column("release", String(40), nullable=False, server_default="", comment="why it ended, from the policy"),
    Index(None, "record_id"),
    Index(None, "review_on"),
)

destruction_plans = Table(
    "destruction_plans",
    metadata,
    Column("plan_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("state", String(10), nullable=False),
    Column("as_of", UtcTime, nullable=False, comment="the moment at which its records were due"),
    Column("policy", String(64), nullable=False, comment="digest of the policy it was made under"),
    Column("digest", LargeBinary(32), nullable=False, comment="over its records; frozen"),
    Column("made_at", UtcTime, nullable=False),
    _id("proposed_by", ForeignKey("accounts.account_id"), nullable=True, comment="empty: a draft of the timetable"),
    Column("proposed_at", UtcTime, nullable=True),
    _id("approved_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("approved_at", UtcTime, nullable=True),
    Column("starts_at", UtcTime, nullable=True, comment="before this nothing of it is destroyed"),
    _id("stopped_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("stopped_at", UtcTime, nullable=True),
    Column("started_at", UtcTime, nullable=True),
    Column("executed_by", String(64), nullable=False, server_default="", comment="actor, as events name them"),
    Column("finished_at", UtcTime, nullable=True),
    CheckConstraint(
        "state IN ('draft', 'proposed', 'approved', 'running', 'paused', 'done', 'stopped', 'superseded')", name="state"
    ),
    CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="four_eyes"),
    CheckConstraint("state NOT IN ('approved', 'running', 'paused', 'done') OR approved_by IS NOT NULL", name="signed"),
    CheckConstraint("approved_by IS NULL OR proposed_by IS NOT NULL", name="two_people"),
    Index(None, "state", "made_at"),
)

destruction_items = Table(
    "destruction_items",
    metadata,
    _id("plan_id", ForeignKey("destruction_plans.plan_id")),
    _id("record_id"),
    Column("record_class", String(20), nullable=False),
    _id("cohort_id"),
    Column("expires_at", UtcTime, nullable=False, comment="since when it is due"),
    Column("outlet", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", String(40), nullable=False, server_default="", comment="why it was kept, held or has failed"),
    Column("wrap_digest", LargeBinary(32), nullable=True, comment="SHA-256 of the erased wrap, to look for residue"),
    Column("done_at", UtcTime, nullable=True),
    PrimaryKeyConstraint("plan_id", "record_id"),
    CheckConstraint("state IN ('due', 'destroyed', 'held', 'kept', 'failed')", name="state"),
    Index(None, "plan_id", "state", "record_class", "expires_at"),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

destruction_counts = Table(
    "destruction_counts",
    metadata,
    _id("plan_id", ForeignKey("destruction_plans.plan_id")),
    Column("record_class", String(20), nullable=False),
    Column("outlet", String(32), nullable=False),
    Column("reason", String(40), nullable=False, comment="why these are held; empty: due"),
    Column("count", Integer, nullable=False),
    Column("oldest", UtcTime, nullable=False, comment="since when the first of them is past its time"),
    PrimaryKeyConstraint("plan_id", "record_class", "outlet", "reason"),
    sqlite_with_rowid=False,
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("record_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("record_class", String(20), nullable=False),
    _id("cohort_id", comment="whose key wrapped its data key: out of reach of every copy once that is destroyed"),
    _id("plan_id", nullable=True, comment="empty: destroyed again after a restore"),
    Column("entered_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("destroyed_at", UtcTime, nullable=False),
    Index(None, "plan_id"),
    Index(None, "cohort_id"),
    sqlite_with_rowid=False,
)

certificates = Table(
    "certificates",
    metadata,
    Column("certificate_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("kind", String(10), nullable=False),
    _id("about", comment="the plan of one kind, the cohort of the other"),
    Column("statement", LargeBinary, nullable=False, comment="canonical JSON (RFC 8785)"),
    _id("event_id", comment="the event that holds the statement's digest"),
    Column("issued_at", UtcTime, nullable=False),
    UniqueConstraint("kind", "about"),
    CheckConstraint("kind IN ('erased', 'final')", name="kind"),
)

certificate_waits = Table(
    "certificate_waits",
    metadata,
    Column("plan_id", ID, ForeignKey("destruction_plans.plan_id"), primary_key=True, comment=_RANDOM_ID),
    Column("reason", String(40), nullable=False, comment="why the last try did not certify it"),
    Column("finding", String(20), nullable=False, comment="the check that found something, or empty"),
    Column("count", Integer, nullable=False, comment="how many it found"),
    Column("since", UtcTime, nullable=False),
    Column("tried_at", UtcTime, nullable=False),
)

paper_boxes = Table(
    "paper_boxes",
    metadata,
    Column("box_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("label", String(40), nullable=False, comment="as written on the box"),
    Column("record_class", String(20), nullable=False),
    Column("outlet", String(32), nullable=False),
    _id("custodian", ForeignKey("accounts.account_id")),
    _id("registered_by", ForeignKey("accounts.account_id")),
    Column("registered_at", UtcTime, nullable=False),
    Column("due_on", Date, nullable=False, comment="company time zone"),
    _id("shredded_by", ForeignKey("accounts.account_id"), nullable=True),
    _id("witnessed_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("shredded_at", UtcTime, nullable=True),
    UniqueConstraint("label"),
    CheckConstraint("witnessed_by IS NULL OR witnessed_by <> shredded_by", name="two_people"),
    Index(None, "due_on"),
)

backups = Table(
    "backups",
    metadata,
    Column("backup_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("made_at", UtcTime, nullable=False, comment="its snapshot holds everything committed before"),
    Column("log_size", BigInteger, nullable=False, comment="events in its snapshot"),
    Column("manifest_digest", LargeBinary(32), nullable=False, comment="SHA-256 of its manifest"),
    Column("verified_at", UtcTime, nullable=True, comment="when it was last read back and held"),
    Column("place", Text, nullable=False, server_default="", comment="the folder it was put into"),
    Index(None, "made_at"),
)

clock_marks = Table(
    "clock_marks",
    metadata,
    Column("singleton", SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    Column("seen_at", UtcTime, nullable=False, comment="the clock when last looked at; never set back"),
    Column("jumped_from", UtcTime, nullable=True, comment="the mark before a jump nobody has confirmed yet"),
    _id("confirmed_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("confirmed_at", UtcTime, nullable=True),
    CheckConstraint("singleton = 1", name="one_row"),
)

account_resets = Table(
    "account_resets",
    metadata,
    Column("reset_id", ID, primary_key=True, comment="the event that the log holds of it"),
    _id("account_id", ForeignKey("accounts.account_id"), comment="whose"),
    Column("kind", String(16), nullable=False),
    _id("reset_by", ForeignKey("accounts.account_id"), nullable=True, comment="empty: the local operator"),
    Column("reset_at", UtcTime, nullable=False),
    _id("confirmed_by", ForeignKey("accounts.account_id"), nullable=True, comment="who spoke with the person"),
    Column("confirmed_at", UtcTime, nullable=True),
    CheckConstraint("kind IN ('password', 'second_factor', 'secret')", name="kind"),
    CheckConstraint("confirmed_by <> reset_by", name="four_eyes"),
    Index(None, "account_id", "reset_at"),
)

log_inbox = Table(
    "log_inbox",
    metadata,
    Column("arrival", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("canonical", LargeBinary, nullable=False, comment="a durable event that has no place in the log yet"),
)

log_events = Table(
    "log_events",
    metadata,
    Column(
        "leaf_index",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="dense, from 0",
    ),
    Column("canonical", LargeBinary, nullable=False, comment="canonical JSON (RFC 8785); the event itself"),
    Column("leaf_hash", LargeBinary(32), nullable=False, comment="RFC 6962 leaf hash of canonical"),
    Column("event_id", ID, nullable=False, comment="copy, for searching; checked against canonical"),
    UniqueConstraint("event_id"),
)

log_terms = Table(
    "log_terms",
    metadata,
    Column("term", LargeBinary(80), nullable=False, comment="by which an event is found; checked against canonical"),
    Column("at", UtcTime, nullable=False, comment="copy, for searching; checked against canonical"),
    Column("leaf_index", BigInteger, nullable=False, comment="the event"),
    PrimaryKeyConstraint("term", "at", "leaf_index"),
    sqlite_with_rowid=False,
)

log_checkpoints = Table(
    "log_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False, comment="events covered"),
    Column("note", Text, nullable=False, comment="C2SP signed note"),
    Column("signed_at", UtcTime, nullable=False),
)

log_gaps = Table(
    "log_gaps",
    metadata,
    Column("lost_size", BigInteger, nullable=False, autoincrement=False, comment="events signed last"),
    Column("lost_root", LargeBinary(32), nullable=False, comment="the root over them"),
    Column("kept_size", BigInteger, nullable=False, comment="events that both histories begin with"),
    Column("note", Text, nullable=False, comment="the statement, a C2SP signed note"),
    Column("accepted_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("lost_size", "lost_root"),
    CheckConstraint("kept_size < lost_size", name="something_is_lost"),
)

log_keys = Table(
    "log_keys",
    metadata,
    Column("old_key", String(250), nullable=False, comment="verifier key that was replaced"),
    Column("new_key", String(250), nullable=False, comment="verifier key that follows it"),
    Column("size", BigInteger, nullable=False, comment="events that the replaced key signed last"),
    Column("note", Text, nullable=False, comment="the key statement, signed by both"),
    Column("changed_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("old_key", "new_key"),
)

log_tiles = Table(
    "log_tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False, comment="hashes of tree level 8 * level"),
    Column(
        "number",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="place among the tiles of its level, from 0",
    ),
    Column("root", LargeBinary(32), nullable=False, comment="over the 256 hashes"),
    Column("hashes", LargeBinary, nullable=False, comment="256 hashes side by side; never changes"),
    Column("middle", LargeBinary, nullable=False, comment="the 16 nodes half-way up, side by side"),
)

log_exports = Table(
    "log_exports",
    metadata,
    Column("export_id", ID, primary_key=True, comment="the event that the log holds of it"),
    Column("exported_by", String(64), nullable=False, comment="actor, as events name them"),
    Column("at", UtcTime, nullable=False),
    Column("size", BigInteger, nullable=False, comment="of the checkpoint in the bundle"),
    Column("root", LargeBinary(32), nullable=False, comment="of the checkpoint in the bundle"),
    Column("question", Text, nullable=False, comment="what was asked for, as the manifest says it"),
    Index(None, "exported_by", "at"),
)

policy_texts = Table(
    "policy_texts",
    metadata,
    Column("digest", String(64), primary_key=True, comment="of the whole policy, as events name it"),
    Column("name", String(40), primary_key=True, comment="file name without .toml"),
    Column("content", LargeBinary, nullable=False, comment="the file's bytes"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("kind", String(20), nullable=False),
    Column("drill", Boolean, nullable=False, comment="fixed at opening"),
    Column("state", String(12), nullable=False),
    Column("aware_at", UtcTime, nullable=False, comment="as said at opening; never changed"),
    Column("aware_since", UtcTime, nullable=False, comment="the earliest time anybody said"),
    Column("aware_source", String(12), nullable=False),
    Column("opened_by", String(64), nullable=False, comment="actor, as events name them"),
    Column("opened_at", UtcTime, nullable=False),
    Column("verdict", String(12), nullable=False, server_default="", comment="of the assessment, or empty"),
    _id("closing_by", ForeignKey("accounts.account_id"), nullable=True, comment="who asked for it to be closed"),
    Column("closing_at", UtcTime, nullable=True),
    _id("closed_by", ForeignKey("accounts.account_id"), nullable=True, comment="somebody else, who closed it"),
    Column("closed_at", UtcTime, nullable=True),
    CheckConstraint("closed_by <> closing_by", name="four_eyes"),
    Index(None, "opened_at", "incident_id"),
)

incident_clocks = Table(
    "incident_clocks",
    metadata,
    _id("incident_id", ForeignKey("incidents.incident_id")),
    Column("clock_id", String(20), nullable=False, comment="of the policy"),
    Column("started_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("done_at", UtcTime, nullable=True),
    Column("done_by", String(64), nullable=False, server_default="", comment="actor, or empty"),
    Column("missed_at", UtcTime, nullable=True, comment="when it was recorded as missed, for ever"),
    Column("dropped_at", UtcTime, nullable=True, comment="the assessment found no breach"),
    Column("sealed_reason", LargeBinary, nullable=True, comment="why it was done late"),
    PrimaryKeyConstraint("incident_id", "clock_id"),
    Index(None, "due_at"),
)

incident_entries = Table(
    "incident_entries",
    metadata,
    Column("arrival", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("event_id", ID, nullable=False, comment="the event that the log holds of it"),
    _id("incident_id", ForeignKey("incidents.incident_id")),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(64), nullable=False, comment="as events name them"),
    Column("action", String(40), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("facts", Text, nullable=False, comment="JSON, as the event has them"),
    Column("sealed_note", LargeBinary, nullable=True, comment="what somebody typed"),
    UniqueConstraint("event_id"),
    Index(None, "incident_id", "at"),
)

incident_reminders = Table(
    "incident_reminders",
    metadata,
    Column("reminder_id", ID, nullable=False, unique=True, comment=_RANDOM_ID),
    _id("incident_id"),
    Column("clock_id", String(20), nullable=False, comment="of the policy"),
    Column("mark", Integer, nullable=False, comment="percent of the span; beyond 100 one more for each repeat"),
    Column("role", String(32), nullable=False, comment="who was told"),
    Column("at", UtcTime, nullable=False),
    Column("late", Boolean, nullable=False, comment="told long after its time: the vault stood still"),
    Column("mail", String(10), nullable=False, comment="what became of the letter to the duty mailbox"),
    Column("tries", SmallInteger, nullable=False),
    Column("next_try_at", UtcTime, nullable=True, comment="empty unless a mail waits"),
    Column("mailed_at", UtcTime, nullable=True),
    PrimaryKeyConstraint("incident_id", "clock_id", "mark", "role"),
    ForeignKeyConstraint(["incident_id", "clock_id"], ["incident_clocks.incident_id", "incident_clocks.clock_id"]),
    CheckConstraint("mail IN ('none', 'waiting', 'sent', 'refused', 'given_up', 'overtaken')", name="mail"),
)
Index(
    "ix_incident_reminders_next_try_at",
    incident_reminders.c.next_try_at,
    sqlite_where=incident_reminders.c.next_try_at.is_not(None),
    postgresql_where=incident_reminders.c.next_try_at.is_not(None),
)

drill_customers = Table(
    "drill_customers",
    metadata,
    Column("record_id", ID, primary_key=True, comment=_RANDOM_ID),
    _id("incident_id", ForeignKey("incidents.incident_id")),
    Column("serial", Integer, nullable=False, comment="from 1 within its drill"),
    Column("sealed_fields", LargeBinary, nullable=False, comment="made-up fields, sealed under the people key"),
    UniqueConstraint("incident_id", "serial"),
)

drill_scores = Table(
    "drill_scores",
    metadata,
    Column("incident_id", ID, ForeignKey("incidents.incident_id"), primary_key=True, comment=_RANDOM_ID),
    Column("month", Date, nullable=False, comment="first day of the company's month it was held in"),
    Column("scored_at", UtcTime, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("lines", Text, nullable=False, comment="JSON: what was measured, and against what"),
    _id("event_id", comment="the event that the log holds of it"),
)

incident_reports = Table(
    "incident_reports",
    metadata,
    Column("incident_id", ID, ForeignKey("incidents.incident_id"), primary_key=True, comment=_RANDOM_ID),
    Column("fixed_at", UtcTime, nullable=False),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the statement, as its event names it"),
    _id("event_id", comment="the event that the log holds of it"),
    Column("sealed_statement", LargeBinary, nullable=False, comment="sealed under the people key"),
)

notice_campaigns = Table(
    "notice_campaigns",
    metadata,
    Column("campaign_id", ID, primary_key=True, comment=_RANDOM_ID),
    _id("incident_id", ForeignKey("incidents.incident_id")),
    _id("radius_id", nullable=True, comment="whose customers; empty in a drill"),
    Column("state", String(10), nullable=False),
    Column("template", String(40), nullable=False, comment="id and version, of the policy"),
    Column("channels", String(60), nullable=False, comment="in the order in which they are tried"),
    Column("kinds", String(250), nullable=False, comment="kinds of data that the notice names"),
    Column("contacts_at", UtcTime, nullable=False, comment="contacts as they were then"),
    Column("sealed_texts", LargeBinary, nullable=False, comment="JSON; under the people key"),
    Column("digest", LargeBinary(32), nullable=False, comment="over template, texts, channels and recipients"),
    _id("prepared_by", ForeignKey("accounts.account_id")),
    Column("prepared_at", UtcTime, nullable=False),
    _id("released_by", ForeignKey("accounts.account_id"), nullable=True, comment="another officer"),
    Column("released_at", UtcTime, nullable=True),
    CheckConstraint("state IN ('draft', 'released', 'replaced')", name="state"),
    CheckConstraint("released_by <> prepared_by", name="four_eyes"),
    CheckConstraint("state <> 'released' OR released_by IS NOT NULL", name="signed"),
    Index(None, "incident_id", "prepared_at"),
)

# The customers of a campaign outlive neither its evidence nor the tombstones that their ids then name.
notice_recipients = Table(
    "notice_recipients",
    metadata,
    _id("campaign_id"),
    _id("record_id", comment="the customer, or a drill's"),
    Column("channel", String(8), nullable=False, comment="empty: there is no contact"),
    Column("state", String(24), nullable=False),
    _id("key", comment="made before the first try; names the message"),
    Column("tries", SmallInteger, nullable=False),
    Column("calls", SmallInteger, nullable=False, comment="how often somebody called in vain"),
    Column("next_try_at", UtcTime, nullable=True, comment="empty: nothing is to be tried"),
    _id("worker", nullable=True, comment="who has set it aside, or sends it"),
    Column("claimed_at", UtcTime, nullable=True, comment="when that began"),
    Column("settled_at", UtcTime, nullable=True, comment="when its state became what it is"),
    Column("reason", String(40), nullable=False, server_default="", comment="why it failed or is in doubt"),
    PrimaryKeyConstraint("campaign_id", "record_id"),
    CheckConstraint(
        "state IN ('waiting', 'sending', 'sent', 'unknown', 'failed', 'unreachable', 'unreachable_destroyed',"
        " 'called', 'posted')",
        name="state",
    ),
    CheckConstraint("channel IN ('', 'mail', 'call', 'file', 'letter', 'sink')", name="channel"),
    Index(None, "campaign_id", "state", "channel", "record_id"),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

notice_calls = Table(
    "notice_calls",
    metadata,
    Column("call_id", ID, primary_key=True, comment="the event that the log holds of it"),
    _id("campaign_id"),
    _id("record_id"),
    _id("called_by", ForeignKey("accounts.account_id")),
    Column("at", UtcTime, nullable=False),
    Column("outcome", String(16), nullable=False),
    CheckConstraint("outcome IN ('reached', 'not_reached', 'wrong_number')", name="outcome"),
    Index(None, "campaign_id", "record_id"),
)

notice_files = Table(
    "notice_files",
    metadata,
    Column("file_id", ID, primary_key=True, comment="the event that the log holds of it"),
    _id("campaign_id", ForeignKey("notice_campaigns.campaign_id")),
    Column("count", Integer, nullable=False, comment="lines of the file"),
    Column("digest", LargeBinary(32), nullable=False, comment="SHA-256 of the file"),
    Column("made_by", String(64), nullable=False, comment="actor, as events name them"),
    Column("made_at", UtcTime, nullable=False),
    Column("removed_at", UtcTime, nullable=True, comment="when it was removed after being picked up"),
    Index(None, "campaign_id"),
)

notice_waivers = Table(
    "notice_waivers",
    metadata,
    Column("incident_id", ID, ForeignKey("incidents.incident_id"), primary_key=True, comment=_RANDOM_ID),
    Column("sealed_reason", LargeBinary, nullable=False, comment="under the people key"),
    _id("asked_by", ForeignKey("accounts.account_id")),
    Column("asked_at", UtcTime, nullable=False),
    _id("confirmed_by", ForeignKey("accounts.account_id"), nullable=True, comment="another officer"),
    Column("confirmed_at", UtcTime, nullable=True),
    CheckConstraint("confirmed_by <> asked_by", name="four_eyes"),
)

containments = Table(
    "containments",
    metadata,
    Column("containment_id", ID, primary_key=True, comment=_RANDOM_ID),
    _id("incident_id", ForeignKey("incidents.incident_id")),
    Column("measure", String(20), nullable=False, comment="of the policy"),
    Column("target", ID, nullable=False, comment="an account, a customer or a radius; empty: all"),
    Column("affected", Integer, nullable=False, comment="sessions, tokens, grants or records it reached"),
    Column("rehearsed", Boolean, nullable=False, comment="in a drill: nothing was changed"),
    _id("taken_by", ForeignKey("accounts.account_id")),
    Column("taken_at", UtcTime, nullable=False),
    _id("ended_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("ended_at", UtcTime, nullable=True, comment="empty while it stands"),
    _id("kept_by", ForeignKey("accounts.account_id"), nullable=True, comment="who let it outlast the incident"),
    Column("kept_at", UtcTime, nullable=True),
    Index(None, "incident_id", "taken_at"),
)
Index(
    "ix_containments_standing",
    containments.c.target,
    containments.c.measure,
    containments.c.incident_id,
    unique=True,
    sqlite_where=containments.c.ended_at.is_(None),
    postgresql_where=containments.c.ended_at.is_(None),
)

containment_holds = Table(
    "containment_holds",
    metadata,
    _id("containment_id", ForeignKey("containments.containment_id")),
    _id("record_id"),
    _id("hold_id", nullable=True, comment="empty: it was destroyed before"),
    PrimaryKeyConstraint("containment_id", "record_id"),
    sqlite_with_rowid=False,
)

incident_radii = Table(
    "incident_radii",
    metadata,
    Column("radius_id", ID, primary_key=True, comment="the event that the log holds of it"),
    _id("incident_id", ForeignKey("incidents.incident_id")),
    Column("scope", Text, nullable=False, comment="canonical JSON: what was asked for"),
    Column("drawn_at", UtcTime, nullable=False),
    Column("drawn_by", String(64), nullable=False, comment="actor, as events name them"),
    Column("log_size", BigInteger, nullable=False, comment="events of the checkpoint it was drawn from"),
    Column("log_root", LargeBinary(32), nullable=False, comment="root over these events"),
    Column("counts", Text, nullable=False, comment="canonical JSON: what was counted, by kind of data"),
    Column("digest", LargeBinary(32), nullable=False, comment="SHA-256 over its lines, in order of id"),
    Index(None, "incident_id", "drawn_at"),
)

radius_customers = Table(
    "radius_customers",
    metadata,
    # Written before its radius, in as many transactions as it takes: nobody waits long for their turn.
    _id("radius_id"),
    _id("record_id", comment="a customer; else what has none any more"),
    Column("record_class", String(20), nullable=False),
    Column("clear", Text, nullable=False, comment="fields seen in clear, as class.field, with spaces"),
    Column("masked", Text, nullable=False, comment="fields seen only masked, in the same way"),
    Column("first_at", UtcTime, nullable=True, comment="of the first event; empty: not from the log"),
    Column("last_at", UtcTime, nullable=True),
    Column("destroyed", Boolean, nullable=False, comment="destroyed before the radius was drawn"),
    PrimaryKeyConstraint("radius_id", "record_id"),
    sqlite_with_rowid=False,
)

signal_turns = Table(
    "signal_turns",
    metadata,
    Column("signal", String(24), nullable=False, comment="of the policy"),
    Column("subject", String(80), nullable=False, comment="account, or source of addresses, or empty"),
    Column("told_until", UtcTime, nullable=False, comment="what happened until then is counted no more"),
    Column("leaf_index", BigInteger, nullable=False, comment="events of the log looked at"),
    _id("incident_id", ForeignKey("incidents.incident_id"), nullable=True, comment="the last one it opened"),
    PrimaryKeyConstraint("signal", "subject"),
)

incident_signals = Table(
    "incident_signals",
    metadata,
    Column("evidence_id", ID, primary_key=True, comment=_RANDOM_ID),
    Column("signal", String(24), nullable=False, comment="of the policy"),
    _id(
        "account_id",
        ForeignKey("accounts.account_id"),
        nullable=True,
        comment="whose acts gave rise to it, or empty",
    ),
    Column("source", String(64), nullable=False, comment="network address it came from, or empty"),
    Column("count", Integer, nullable=False),
    Column("threshold", Integer, nullable=False, comment="of the policy at that time"),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("events", Text, nullable=False, comment="JSON: ids of the newest of the events counted"),
    _id(
        "incident_id",
        ForeignKey("incidents.incident_id"),
        nullable=True,
        comment="that it opened or joined, or empty",
    ),
    Column("tested", Boolean, nullable=False, comment="fired by the test of signals"),
    Column("raised_at", UtcTime, nullable=False),
    _id("signal_id", nullable=True, comment="the limit somebody ran into, or empty"),
    UniqueConstraint("signal_id"),
    Index(None, "incident_id"),
    Index(None, "raised_at"),
)

misuse_records = Table(
    "misuse_records",
    metadata,
    Column("misuse_id", ID, primary_key=True, comment=_RANDOM_ID),
    _id("incident_id", ForeignKey("incidents.incident_id")),
    _id("account_id", ForeignKey("accounts.account_id"), comment="who did it"),
    Column("distinct_records", Integer, nullable=False),
    Column("evidence", Text, nullable=False, comment="canonical JSON (RFC 8785)"),
    Column("evidence_digest", LargeBinary(32), nullable=False, comment="SHA-256 of it"),
    Column("account_frozen", Boolean, nullable=False),
    Column("contract_ended", Boolean, nullable=False),
    Column("loss_claimed", Boolean, nullable=False),
    Column("sealed_police_reference", LargeBinary, nullable=True, comment="empty: none"),
    Column("sealed_statement", LargeBinary, nullable=False, comment="what is held against them"),
    Column("digest", LargeBinary(32), nullable=False, comment="of all that is signed"),
    _id("drafted_by", ForeignKey("accounts.account_id")),
    Column("drafted_at", UtcTime, nullable=False),
    _id(
        "signed_by",
        ForeignKey("accounts.account_id"),
        nullable=True,
        comment="somebody else; from then on it is fixed",
    ),
    Column("signed_at", UtcTime, nullable=True),
    Column("withdrawn_at", UtcTime, nullable=True, comment="when the draft was taken back, or empty"),
    UniqueConstraint("incident_id", "account_id"),
    CheckConstraint("signed_by <> drafted_by AND signed_by <> account_id", name="four_eyes"),
    Index(None, "signed_at"),
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("job", String(32), nullable=False),
    Column("slot", BigInteger, nullable=False, comment="when it was due, seconds since 1970"),
    Column("started_at", UtcTime, nullable=False, comment="when it was last claimed"),
    Column("finished_at", UtcTime, nullable=True, comment="empty while it runs, or when it was killed"),
    Column("late", Boolean, nullable=False, comment="it makes up for runs that were missed or killed"),
    Column("node", String(64), nullable=False, comment="who runs it"),
    PrimaryKeyConstraint("job", "slot"),
    sqlite_with_rowid=False,
)
