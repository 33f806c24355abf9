"""The step `id_tag_mapping`: judged from values alone, and what is looked up for it."""

from dataclasses import replace
from typing import Any

import pytest

from customers.steps import IdTagMappingStep
from customers.steps.id_tag_mapping import MappingFact
from kernel import Action, Fact, Facts, Verdict
from kernel.chunks import SIZE
from tests.customers.factories import customer, mapping, staff
from tests.customers.steps.rows import codes, of_file, wanted

STEP = IdTagMappingStep()


def fact(
    owner: str | None = "C-1", *, id_tag: str = "a1b2c3d4", is_active: bool = True, number: int | None = None
) -> MappingFact:
    return MappingFact(5, id_tag, owner, is_active, number)


def mappings_of(*facts: MappingFact) -> dict[str, MappingFact]:
    return {one.id_tag.lower(): one for one in facts}


def verdict_on(*facts: MappingFact) -> Verdict:
    return STEP.check(wanted(), mappings_of(*facts))


# --- Judged ------------------------------------------------------------------------------------------


def test_an_id_tag_nobody_has_is_mapped() -> None:
    assert verdict_on() == Verdict(Action.CREATE)


def test_a_row_without_a_valid_id_tag_knows_of_no_mapping() -> None:
    assert STEP.check(wanted(id_tag=""), mappings_of(fact())) == Verdict(Action.CREATE)


def test_an_id_tag_of_the_same_customer_may_be_adopted() -> None:
    verdict = verdict_on(fact())

    assert (verdict.action, verdict.ref, codes(verdict.exists)) == (Action.ADOPT, "5", ["id_tag_exists"])
    assert verdict.key == "a1b2c3d4"


@pytest.mark.parametrize("owner", ["C-2", None])
def test_an_id_tag_of_another_customer_is_never_moved(owner: str | None) -> None:
    verdict = verdict_on(fact(owner))

    assert (verdict.action, codes(verdict.problems)) == (None, ["id_tag_exists"])
    assert "A1B2C3D4" not in str(verdict)


# --- Whole -------------------------------------------------------------------------------------------

WITHOUT_STEVE: Facts = {}
IN_STEVE: Facts = {Fact.OCPP_TAG_PK: 7, Fact.SESSION_ID_TAG: "a1b2c3d4"}


@pytest.mark.parametrize(
    ("found", "facts", "finished", "whole"),
    [
        (fact(), WITHOUT_STEVE, False, True),
        (fact(number=7), IN_STEVE, False, True),
        (fact(number=7), WITHOUT_STEVE, False, True),
        (fact(), IN_STEVE, True, False),
        (fact(number=8), IN_STEVE, True, False),
        (fact(id_tag="A1B2C3D4", number=7), IN_STEVE, True, False),
        (fact(is_active=False), WITHOUT_STEVE, False, False),
        (fact(is_active=False), WITHOUT_STEVE, True, True),
        (fact(is_active=False), IN_STEVE, True, True),
    ],
    ids=[
        "bills, without SteVe",
        "bills, under SteVe's number and spelling",
        "bills, by a run with SteVe",
        "bills, SteVe's number unknown",
        "bills, another number",
        "bills, another spelling",
        "never billed",
        "switched off after its run",
        "switched off after its run, unknown in SteVe",
    ],
)
def test_a_mapping_is_whole_where_it_bills_as_steve_has_it(
    found: MappingFact, facts: Facts, finished: bool, whole: bool
) -> None:
    assert STEP.is_whole(wanted(), mappings_of(found), facts, finished=finished) is whole


# --- Looked up ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_empty_database_knows_no_id_tag() -> None:
    assert STEP.look_up([of_file()]) == {}


@pytest.mark.django_db
def test_id_tags_are_found_in_any_capitals_with_their_owner() -> None:
    theirs = mapping(customer(7), id_tag="tag0001", steve_ocpp_tag_pk=3)

    found = STEP.look_up([of_file()])

    assert found == {"tag0001": MappingFact(theirs.pk, "tag0001", "C-7", True, 3)}


@pytest.mark.django_db
def test_an_owner_without_an_external_id_is_somebody_else() -> None:
    theirs = mapping(staff(), id_tag="tag0001")

    found = STEP.look_up([of_file()])

    assert (found["tag0001"].pk, found["tag0001"].owner) == (theirs.pk, None)
    assert STEP.check(of_file(), found).action is None


@pytest.mark.django_db
def test_a_long_file_takes_as_many_queries_as_a_short_one(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        STEP.look_up([of_file()])
    with django_assert_num_queries(1):
        STEP.look_up([of_file(number) for number in range(SIZE)])


@pytest.mark.django_db
@pytest.mark.parametrize("there", ["04-A1-B2-C6", "0x04A1B2C6", "4A1B2C6", "0077705926", "C6B2A104"])
def test_a_card_that_is_there_in_another_notation_is_named_with_its_owner(there: str) -> None:
    mapping(customer(7), id_tag=there)
    row = replace(of_file(), id_tag="04A1B2C6")

    verdict = STEP.check(row, STEP.look_up([row]))

    assert (verdict.action, [warning.code for warning in verdict.warnings]) == (
        Action.CREATE,
        ["id_tag_notation"],
    )
    assert "here, of the customer C-7" in verdict.warnings[0].message


@pytest.mark.django_db
def test_a_card_that_is_looked_up_again_is_not_like_itself() -> None:
    mapping(customer(7), id_tag="04a1b2c6")
    row = replace(of_file(7), id_tag="04A1B2C6")

    assert STEP.check(row, STEP.look_up([row])).warnings == ()
