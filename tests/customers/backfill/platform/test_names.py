"""Names of customers that the platform's sync cannot write into SteVe's notes, and names of cards."""

import pytest

from tests.customers.backfill.platform.there import TAG, platform, problems, user
from tests.customers.factories import actions, imported, planned, row, told
from tests.customers.undoing import divergences, reverted
from tests.rehearsal.lago.calls import Caller
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("skip_existing", [False, True])
@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there"])
def test_a_name_with_an_emoji_is_a_problem_of_the_row(
    town: Town, *, is_there: bool, skip_existing: bool
) -> None:
    if is_there:
        user(town)
    before = platform(town)
    given = [row(1, display_name="Alice \U0001f697\U0001f50b")]

    plan = planned(given, skip_existing=skip_existing)
    run = imported(given, skip_existing=skip_existing)

    (problem, *_) = [one for one in told(plan)[2]["problems"] if one["code"] == "name_unsupported"]
    assert (problem["field"], "U+1F50B, U+1F697" in problem["message"]) == ("display_name", True)
    assert "name_unsupported" in problems(run)
    assert (actions(plan), run.run, platform(town)) == (["fail"], None, before)


def test_a_name_in_any_other_script_opens_the_card(town: Town) -> None:
    imported([row(1, display_name="Zoë Δημήτρης 山田 \ufffd")])

    town.platform.sync()

    assert town.limits()[TAG] == -1


def test_an_emoji_that_lago_had_does_no_harm_where_the_user_is_ours(town: Town, by_hand: Caller) -> None:
    by_hand.post(
        "/customers",
        {"customer": {"external_id": "C-1", "name": "Al \U0001f697", "email": "customer1@example.com"}},
    )

    report = imported([row(1)], skip_existing=True)
    town.platform.sync()

    assert report.status == "succeeded"
    assert town.limits()[TAG] == -1


def names_of_cards(town: Town) -> list[tuple[str, str | None]]:
    query = "select steve_ocpp_id_tag, display_name from user_mappings where tag_type <> 'meta' order by 1"
    return [(id_tag, name) for id_tag, name in town.rows(query)]


def test_a_card_has_its_name_on_the_platform_which_staff_may_change_and_a_revert_takes_away(
    town: Town,
) -> None:
    imported([row(1, card_name="Van 1 \U0001f697"), row(1, id_tag="TAG9")])
    assert names_of_cards(town) == [("TAG0001", "Van 1 \U0001f697"), ("TAG9", None)]

    town.database.execute("update user_mappings set display_name = 'Estate' where display_name is not null")
    assert divergences() == set()
    reverted()

    assert names_of_cards(town) == []
