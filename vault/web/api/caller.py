"""Proving who calls, for programs: an answer is compared, and match or no match is all that comes back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from vault import words
from vault.domain.rules.access import Right
from vault.services import caller_verification
from vault.web import gate
from vault.web.api.routes import route
from vault.web.api.shapes import Shape, clean_text
from vault.web.gate import language, now, parts, person

PolicyName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"), Field(description="A name of the policy.")
]
_RECORD = "/cases/<hex32:case>/records/<hex32:record>"


class AnswerBody(Shape):
    """A question of the policy, and what the caller answered."""

    question: PolicyName
    answer: Annotated[str, StringConstraints(max_length=200), AfterValidator(clean_text)]


class RefusalBody(Shape):
    """Why the caller is refused."""

    reason: PolicyName


class AnswerChecked(Shape):
    """What an answer has come to; never which value it was compared with."""

    match: bool
    verified: bool = Field(description="Whether the caller has now proved to be the customer.")
    tries_left: int


class CallerQuestion(Shape):
    """One question that may be asked."""

    question: PolicyName
    text: str
    weak: bool = Field(description="Easily guessed: it does not count towards the proof.")
    matched: bool


class CallerStanding(Shape):
    """How the caller stands as a customer in a case."""

    required: bool = Field(description="Whether nothing of the customer is revealed before the caller is verified.")
    verified: bool
    refused: bool
    needed: int = Field(description="Different questions that must match.")
    tries_left: int
    questions: list[CallerQuestion]


@route("GET", f"{_RECORD}/caller", gate.door(Right.LOOKUP), answer=CallerStanding)
def caller_standing(case: bytes, record: bytes) -> dict[str, Any]:
    """See how the caller of a case stands as a customer, and what may be asked."""
    found = caller_verification.standing(parts(), person(), case, record, now())
    return {
        "required": found.required,
        "verified": found.verified,
        "refused": found.refused,
        "needed": found.needed,
        "tries_left": found.tries_left,
        "questions": [
            {
                "question": name,
                "text": words.of_policy(language(), one),
                "weak": one.weak,
                "matched": name in found.matched,
            }
            for name, one in parts().policy.verification.questions.items()
            if name in found.askable
        ],
    }


@route("POST", f"{_RECORD}/caller-checks", gate.door(Right.LOOKUP), answer=AnswerChecked, body=AnswerBody)
def check_caller(body: AnswerBody, case: bytes, record: bytes) -> dict[str, Any]:
    """Compare a caller's answer with what the vault holds of the customer; every try is counted and logged."""
    found = caller_verification.check_answer(parts(), person(), case, record, body.question, body.answer, now())
    return {"match": found.match, "verified": found.verified, "tries_left": found.tries_left}


@route("POST", f"{_RECORD}/caller-refusals", gate.door(Right.LOOKUP), answer=None, status=204, body=RefusalBody)
def refuse_caller(body: RefusalBody, case: bytes, record: bytes) -> None:
    """Record that the caller is not the customer; nothing of them is revealed in this case any more."""
    caller_verification.refuse_caller(parts(), person(), case, record, body.reason, now())
