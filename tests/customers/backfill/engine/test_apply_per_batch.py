"""A step that works per batch, in another database, between two steps that make a call for each row."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from customers.backfill.engine.stop import Stop
from customers.backfill.steps import STEPS, Listed
from customers.models import BackfillStep, IdTagMapping, User
from kernel import Fact
from rehearsal.lago import Sandbox
from tests.customers.backfill.engine.club import Club, MembershipStep
from tests.customers.backfill.engine.test_apply import Meanwhile
from tests.customers.backfill.steve.world import divergences, manifest, planned_revert, reverted, run_of
from tests.customers.factories import actions, codes, imported, lago_customer, lago_subscription, row, rows

pytestmark = pytest.mark.django_db


@contextmanager
def listed(club: Club, before: str) -> Iterator[None]:
    """Put the club's step into the list, before the one of that name; at the end if there is none."""
    names = [one.kind.name for one in STEPS]
    one = Listed(MembershipStep, lambda to: club.connect())
    STEPS.insert(names.index(before) if before else len(STEPS), one)
    try:
        yield
    finally:
        STEPS.remove(one)


@pytest.fixture
def nobody(tmp_path: Path) -> Club:
    """A club that no installation knows yet."""
    return Club(tmp_path / "club.sqlite")


@pytest.fixture
def club(lago: Sandbox, nobody: Club) -> Iterator[Club]:
    """A club between the two calls to Lago."""
    with listed(nobody, before="lago_subscription"):
        yield nobody


def in_lago(lago: Sandbox) -> tuple[int, int]:
    state = lago.state(live=True)
    return len(state["customers"]), len(state["subscriptions"])


def states(line: int = 2) -> dict[str, str]:
    return dict(BackfillStep.objects.filter(row__line=line).values_list("name", "state"))


# --- Made --------------------------------------------------------------------------------------------


def test_a_batch_is_made_in_one_go_and_each_row_ends_whole(club: Club, lago: Sandbox) -> None:
    report = imported(rows(5), batch_size=2)

    assert report.status == "succeeded"
    assert sorted(club.last.batches) == [[2, 3], [4, 5], [6]]
    assert club.members == [f"TAG{number:04}" for number in range(1, 6)]
    assert (in_lago(lago), IdTagMapping.objects.filter(is_active=True).count()) == ((5, 5), 5)
    assert set(BackfillStep.objects.values_list("state", flat=True)) == {"created"}


def test_it_comes_after_the_calls_before_it_and_before_those_after_it(club: Club, lago: Sandbox) -> None:
    seen = []
    club.before = lambda tasks: seen.append(in_lago(lago))

    imported(rows(3), batch_size=3)

    assert seen == [(3, 0)]


def test_a_card_that_is_a_member_already_is_adopted(club: Club) -> None:
    club.execute("INSERT INTO membership (number, id_tag) VALUES (7, 'TAG0001')")

    imported(rows(1), skip_existing=True)

    assert (states()["membership"], BackfillStep.objects.get(name="membership").ref) == ("adopted", "7")
    assert club.last.batches == []


def test_what_it_made_is_compared_and_taken_back(club: Club, lago: Sandbox) -> None:
    run = run_of(imported(rows(5), batch_size=2))
    agreeing = divergences(run)
    club.execute("DELETE FROM membership WHERE id_tag = 'TAG0002'")

    diverging, goes = divergences(run), planned_revert(run).rows[0].goes
    undone = reverted(run)

    assert (agreeing, diverging) == ([], [("membership", "missing")])
    assert goes.index("membership") == goes.index("lago_subscription") + 1
    assert undone.status == "reverted"
    outcomes = ["outcome=gone" in line for line in sorted(manifest(undone, "membership"), key=_line)]
    assert outcomes == [False, True, False, False, False]
    assert (club.members, lago.journal()) == ([], {"invoices": [], "credit_notes": []})


def _line(told: str) -> str:
    return next(part for part in told.split() if part.startswith("line="))


# --- Some or all of a batch fails --------------------------------------------------------------------


def test_one_that_fails_ends_its_row_and_no_other(club: Club, lago: Sandbox) -> None:
    club.before = lambda tasks: club.execute("INSERT OR IGNORE INTO membership (id_tag) VALUES ('TAG0002')")

    report = imported(rows(3))

    assert actions(report) == ["created", "failed", "created"]
    assert codes(report, 3) == ["club_refused"]
    expected = {"lago_customer": "created", "membership": "failed", "lago_subscription": "planned"}
    assert expected.items() <= states(3).items()
    assert in_lago(lago) == (3, 2)
    assert not IdTagMapping.objects.get(id_tag="TAG0002").is_active


def test_a_failure_of_the_whole_fails_each_row_and_the_same_file_goes_on(club: Club, lago: Sandbox) -> None:
    with club.locked_after_the_plan():
        first = imported(rows(3))
    between = in_lago(lago)

    second = imported(rows(3))

    assert (first.status, actions(first)) == ("failed", ["failed"] * 3)
    assert [codes(first, line) for line in (2, 3, 4)] == [["club_locked"]] * 3
    assert between == (3, 0)
    assert (second.status, actions(second), second.run) == ("succeeded", ["completed"] * 3, first.run)
    assert (in_lago(lago), lago.counts()["POST /customers"], len(club.members)) == ((3, 3), 3, 3)


def test_failures_one_after_the_other_stop_the_run(club: Club) -> None:
    with club.locked_after_the_plan():
        report = imported(rows(30), batch_size=5, concurrency=1, max_failures=10)

    assert (report.status, "the trouble is not in the rows" in report.reason) == ("failed", True)
    assert actions(report).count("failed") == 10


def test_a_revert_that_cannot_remove_leaves_what_is_ours_and_goes_on_later(club: Club, lago: Sandbox) -> None:
    run = run_of(imported(rows(3)))
    club.execute("CREATE TRIGGER kept BEFORE DELETE ON membership BEGIN SELECT RAISE(ABORT, 'no'); END")

    first = reverted(run)
    between = (in_lago(lago), User.objects.count())
    club.execute("DROP TRIGGER kept")
    second = reverted(run)

    assert (first.status, {step for _, _, step, _ in first.failures}) == ("failed", {"membership"})
    assert between == ((3, 0), 3)
    assert (second.status, in_lago(lago), User.objects.count()) == ("reverted", (0, 0), 0)
    assert club.members == []


# --- Stopped between two legs ------------------------------------------------------------------------


def test_a_stop_between_two_legs_leaves_the_rest_pending_and_the_same_file_goes_on(
    club: Club, lago: Sandbox
) -> None:
    stop = Stop()
    club.before = lambda tasks: stop.request("SIGINT", interrupted=True)

    first = imported(rows(3), stop=stop)
    between, left = in_lago(lago), states()
    club.before = lambda tasks: None
    second = imported(rows(3))

    assert (first.status, actions(first), between) == ("interrupted", ["pending"] * 3, (3, 0))
    assert left == {
        "user": "created",
        "id_tag_mapping": "created",
        "lago_customer": "created",
        "membership": "created",
        "lago_subscription": "planned",
    }
    assert (second.status, actions(second), second.run) == ("succeeded", ["completed"] * 3, first.run)
    assert (in_lago(lago), lago.counts()["POST /customers"], len(club.members)) == ((3, 3), 3, 3)
    assert IdTagMapping.objects.filter(is_active=True).count() == 3


# --- Told of what was made so far --------------------------------------------------------------------


@pytest.fixture
def last(lago: Sandbox, nobody: Club) -> Iterator[Club]:
    """A club whose memberships are made when all else of a row has been."""
    with listed(nobody, before=""):
        yield nobody


def test_a_create_hears_what_was_made_before_it(last: Club) -> None:
    imported(rows(2))

    owners = dict(User.objects.values_list("external_id", "pk"))
    assert {line: facts[Fact.USER_PK] for line, facts in last.last.heard.items()} == {
        2: owners["C-1"],
        3: owners["C-2"],
    }
    assert {line: facts[Fact.SUBSCRIPTION_KEY] for line, facts in last.last.heard.items()} == {
        2: "backfill-C-1",
        3: "backfill-C-2",
    }


@pytest.mark.parametrize("batch_size", [3, 1], ids=["in one batch", "in a batch each"])
def test_further_cards_hear_of_what_their_customers_first_row_made_or_found(
    last: Club, lago: Sandbox, batch_size: int
) -> None:
    """What the first row was to make, somebody else has made since the plan, under another key."""

    def change() -> None:
        lago_customer(lago)
        lago_subscription(lago, external_id="sub-1")

    given = [row(1), row(1, id_tag="CARD2"), row(1, id_tag="CARD3")]
    meanwhile = Meanwhile(change)
    report = imported(given, progress=meanwhile, batch_size=batch_size, concurrency=4)

    assert report.status == "succeeded"
    owner = User.objects.get().pk
    told = [(facts[Fact.USER_PK], facts[Fact.SUBSCRIPTION_KEY]) for facts in last.last.heard.values()]
    assert told == [(owner, "sub-1")] * 3
    assert set(IdTagMapping.objects.values_list("lago_subscription_external_id", flat=True)) == {"sub-1"}


def test_further_cards_hear_of_what_an_earlier_run_found(last: Club, lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago, external_id="sub-1")
    imported(rows(1), skip_existing=True)

    imported([row(1, id_tag="CARD2"), row(1, id_tag="CARD3")], skip_existing=True)

    assert [facts[Fact.SUBSCRIPTION_KEY] for facts in last.last.heard.values()] == ["sub-1", "sub-1"]
