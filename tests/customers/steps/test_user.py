"""The two steps in our own database, judged from values alone."""

from datetime import UTC, date, datetime

from customers.backfill.engine.local import check_mapping, check_user, signed_up_directly
from customers.backfill.engine.world import MappingFact, UserFact, World

from kernel import Action, Problem, Verdict, Wanted


def wanted(**changes: str) -> Wanted:
    asked = {
        "email": "ann.example@example.com",
        "display_name": "Ann Example",
        "external_id": "C-1",
        "id_tag": "A1B2C3D4",
        "plan_code": "standard",
    } | changes
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return Wanted(line=2, start_date=date(2024, 1, 1), subscription_at=start, **asked)


def user(
    pk: int = 1,
    email: str = "ann.example@example.com",
    external_id: str | None = "C-1",
    is_staff: bool = False,
) -> UserFact:
    return UserFact(pk, email, external_id, "Ann Example", is_staff)


def world_of(*users: UserFact, spelt: str = "", mappings: tuple[MappingFact, ...] = ()) -> World:
    """A world as it is looked up for `wanted`; `spelt`: how the row spells the external_id."""
    world = World()
    for one in users:
        world.add_user(one)
        if one.external_id:
            world.users_by_external_id[spelt or one.external_id] = one
    world.mappings = {one.id_tag.lower(): one for one in mappings}
    return world


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


def verdict_on(*users: UserFact, **options: str) -> Verdict:
    return check_user(wanted(), world_of(*users, **options))


# --- user --------------------------------------------------------------------------------------------


def test_a_customer_nobody_has_is_made() -> None:
    assert verdict_on() == Verdict(Action.CREATE)


def test_a_customer_that_agrees_may_be_adopted() -> None:
    verdict = verdict_on(user(pk=7, email="Ann.Example@EXAMPLE.com"))

    assert (verdict.action, verdict.ref) == (Action.ADOPT, "7")
    assert codes(verdict.exists) == ["email_exists", "external_id_exists"]


def test_an_address_of_staff_stops_the_row() -> None:
    verdict = verdict_on(user(external_id=None, is_staff=True))

    assert (verdict.action, codes(verdict.problems)) == (None, ["email_belongs_to_staff"])


def test_an_address_of_another_customer_stops_the_row() -> None:
    assert codes(verdict_on(user(external_id="C-2")).problems) == ["email_exists"]


def test_address_and_external_id_of_two_customers_are_two_problems() -> None:
    verdict = verdict_on(user(1, external_id="C-2"), user(2, email="other@example.com"))

    assert codes(verdict.problems) == ["email_exists", "external_id_exists"]


def test_an_external_id_in_other_capitals_stops_the_row() -> None:
    verdict = verdict_on(user(email="other@example.com", external_id="c-1"), spelt="C-1")

    assert codes(verdict.problems) == ["external_id_exists"]
    assert "differs only by case" in verdict.problems[0].message


def test_without_an_address_the_customer_is_known_by_the_external_id() -> None:
    verdict = check_user(wanted(email=""), world_of(user()))

    assert codes(verdict.exists) == ["external_id_exists"]


def test_nothing_is_known_of_a_row_without_address_and_external_id() -> None:
    assert check_user(wanted(email="", external_id=""), world_of(user())).action is Action.CREATE


def test_no_message_shows_an_address() -> None:
    verdicts = [
        verdict_on(user()),
        verdict_on(user(external_id="C-2")),
        verdict_on(user(external_id=None)),
        verdict_on(user(external_id=None, is_staff=True)),
        verdict_on(user(email="other@example.com")),
    ]

    told = str([(verdict.problems, verdict.exists) for verdict in verdicts])
    assert "a…@example.com" in told
    assert "ann.example" not in told
    assert "other@" not in told


# --- id_tag_mapping ----------------------------------------------------------------------------------


def test_an_id_tag_nobody_has_is_mapped() -> None:
    assert check_mapping(wanted(), world_of(user())) == Verdict(Action.CREATE)


def test_an_id_tag_of_the_same_customer_may_be_adopted() -> None:
    mine = MappingFact(5, "a1b2c3d4", 1, True, "backfill-C-1")

    verdict = check_mapping(wanted(), world_of(user(), mappings=(mine,)))

    assert (verdict.action, verdict.ref, codes(verdict.exists)) == (Action.ADOPT, "5", ["id_tag_exists"])


def test_an_id_tag_of_another_customer_is_never_moved() -> None:
    theirs = MappingFact(5, "A1B2C3D4", 2, True, "backfill-C-2")

    verdict = check_mapping(wanted(), world_of(user(2, "b@example.com", "C-2"), mappings=(theirs,)))

    assert (verdict.action, codes(verdict.problems)) == (None, ["id_tag_exists"])
    assert "A1B2C3D4" not in str(verdict)


# --- Who signed up directly --------------------------------------------------------------------------


def test_a_customer_without_external_id_signed_up_directly() -> None:
    found = signed_up_directly(wanted(), world_of(user(external_id=None)))

    assert found is not None
    assert found.code == "email_signed_up_directly"


def test_staff_and_imported_customers_did_not_sign_up_directly() -> None:
    assert signed_up_directly(wanted(), world_of(user(external_id=None, is_staff=True))) is None
    assert signed_up_directly(wanted(), world_of(user())) is None
    assert signed_up_directly(wanted(), world_of()) is None
    assert signed_up_directly(wanted(email=""), world_of(user(external_id=None))) is None
