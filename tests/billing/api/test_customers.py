"""Customers: what is asked of Lago, and what is believed of its answers."""

from collections.abc import Callable, Collection
from typing import Any

import pytest

from billing.client import LagoClient, LagoError
from tests.billing.objects import customer, listing, refusal
from tests.billing.scripted import Answer, Asked, Scripted

EVENING = "Sun, 22 Nov 2026 17:05:00 GMT"
LOST_RACE = refusal(422, "validation_errors", external_id=["value_already_exist"])
ABSENT = refusal(404, "customer_not_found")


def create(client: LagoClient, external_id: str = "A1", **options: Any) -> Any:
    return client.create_customer(external_id=external_id, name="Ada", email="ada@example.com", **options)


def made(date: str | None = EVENING, **changes: Any) -> Answer:
    body = {"customer": customer("A1", **changes)}
    return Answer(body=body, headers={"Date": date} if date else {})


def holding(ids: Collection[str]) -> Callable[[Asked], Answer]:
    """Answer as a Lago with these customers: the listing by pages, and each by its address."""

    def answer(asked: Asked) -> Answer:
        query = dict(asked.query)
        if "page" in query:
            items = [customer(external_id) for external_id in ids]
            return listing("customers", items, page=int(query["page"]), per_page=int(query["per_page"]))
        external_id = asked.path.rsplit("/", 1)[1]
        return Answer(body={"customer": customer(external_id)}) if external_id in ids else ABSENT

    return answer


# One


def test_a_customer_that_lago_does_not_know_is_none(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(ABSENT)

    assert client.customer("A1") is None


def test_an_answer_about_another_customer_is_not_believed(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body={"customer": customer("a1")}))

    with pytest.raises(LagoError) as caught:
        client.customer("A1")

    assert caught.value.code == "lago_id_mismatch"


def test_an_id_with_a_dot_is_looked_for_in_the_list(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(listing("customers", [customer("a"), customer("a.b")]))

    found = client.customer("a.b")

    assert found is not None
    assert found.external_id == "a.b"
    assert scripted.asked[0].query[0] == ("external_id", "a.b")


# Many


def test_one_id_is_read_by_itself(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding({"A1"})

    assert client.customers_by_id(["A1"]).keys() == {"A1"}
    assert scripted.targets() == ["/api/v1/customers/A1"]


def test_no_id_asks_nothing(client: LagoClient, scripted: Scripted) -> None:
    assert client.customers_by_id([]) == {}
    assert scripted.asked == []


def test_many_ids_of_a_small_lago_are_paged(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([f"C{number}" for number in range(1200)])

    found = client.customers_by_id({"C0", "C700", "C1199", "missing"})

    assert found.keys() == {"C0", "C700", "C1199"}
    assert len(scripted.asked) == 3


def test_few_ids_of_a_large_lago_are_read_by_themselves(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([f"C{number}" for number in range(3000)])

    found = client.customers_by_id({"C0", "C2500", "missing"})

    assert found.keys() == {"C0", "C2500"}
    assert len(scripted.asked) == 3  # the first page, which holds C0, and two by themselves


def test_ids_are_compared_exactly(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding(["acme", "Acme "])

    assert client.customers_by_id({"Acme", "ACME"}) == {}


def test_a_listing_without_its_totals_is_not_believed(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body={"customers": [customer("A1")]}))

    with pytest.raises(LagoError) as caught:
        client.customers()

    assert caught.value.code == "lago_unexpected"


def test_a_senseless_number_of_pages_is_not_followed(client: LagoClient, scripted: Scripted) -> None:
    meta = {"total_pages": 10**9, "total_count": 1}
    scripted.answers(Answer(body={"customers": [customer("A1")], "meta": meta}))

    with pytest.raises(LagoError):
        client.customers()

    assert len(scripted.asked) == 1


# Creating


def test_only_what_is_known_is_sent(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(made())

    create(client)

    sent = {"external_id": "A1", "name": "Ada", "email": "ada@example.com"}
    assert scripted.asked[0].json == {"customer": sent}


def test_a_currency_is_sent_if_given(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(made())

    create(client, currency="EUR")

    assert scripted.asked[0].json["customer"]["currency"] == "EUR"


@pytest.mark.parametrize("created_at", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
@pytest.mark.parametrize("date", [None, EVENING])
def test_no_clock_says_whose_a_customer_is(
    client: LagoClient, scripted: Scripted, created_at: str, date: str | None
) -> None:
    scripted.answers(made(date, created_at=created_at, updated_at=created_at))

    assert create(client).existed is False


@pytest.mark.parametrize(
    ("updated_at", "existed"),
    [
        ("2026-11-22T17:00:00Z", False),
        ("2026-11-22T17:00:01Z", False),
        ("2026-11-22T17:00:02Z", True),
        ("2026-11-22T14:00:00Z", True),
    ],
)
def test_a_customer_that_was_changed_after_it_was_made_existed(
    client: LagoClient, scripted: Scripted, updated_at: str, existed: bool
) -> None:
    scripted.answers(made(created_at="2026-11-22T17:00:00Z", updated_at=updated_at))

    assert create(client, tried=True).existed is existed


@pytest.mark.parametrize(
    "more", [{"phone": "+49 30 1"}, {"city": "Berlin"}, {"metadata": [{"key": "a"}]}, {"currency": "EUR"}]
)
def test_a_customer_with_more_than_was_sent_existed(
    client: LagoClient, scripted: Scripted, more: dict[str, Any]
) -> None:
    scripted.answers(made(**more))

    assert create(client).existed is True


def test_a_currency_that_was_sent_is_no_more_than_was_sent(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(made(currency="EUR"))

    assert create(client, currency="EUR").existed is False


@pytest.mark.parametrize(("tried", "existed"), [(False, True), (True, False)])
def test_who_loses_a_race_tries_again_once(
    client: LagoClient, scripted: Scripted, tried: bool, existed: bool
) -> None:
    scripted.answers(LOST_RACE, made())

    assert create(client, tried=tried).existed is existed
    assert len(scripted.asked) == 2


def test_who_loses_a_race_to_a_try_of_its_own_made_the_customer(
    scripted: Scripted, connect: Callable[..., LagoClient]
) -> None:
    client = connect(scripted.url, timeout_s=1.2)
    scripted.answers(Answer(silent=True), LOST_RACE, made())

    assert create(client).existed is False


def test_who_loses_the_race_twice_is_refused(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(refusal(422, "validation_errors", external_id=["value_already_exist"]))

    with pytest.raises(LagoError) as caught:
        create(client)

    assert caught.value.code == "lago_refused"
    assert len(scripted.asked) == 2


@pytest.mark.parametrize("external_id", ["", " A1", "A1 ", "\tA1"])
def test_an_id_with_blanks_around_it_is_never_created(
    client: LagoClient, scripted: Scripted, external_id: str
) -> None:
    with pytest.raises(ValueError, match="blank"):
        create(client, external_id)

    assert scripted.asked == []


def test_a_creation_answered_with_another_id_may_have_been_done(
    client: LagoClient, scripted: Scripted
) -> None:
    scripted.answers(Answer(body={"customer": customer("A2")}))

    with pytest.raises(LagoError) as caught:
        create(client)

    assert (caught.value.code, caught.value.sent) == ("lago_id_mismatch", True)


# Deleting


def test_deleting_what_is_gone_is_none(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(ABSENT)

    assert client.delete_customer("A1") is None


def test_a_refused_deletion_is_told(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(refusal(403, "write_action_not_allowed_for_customer"))

    with pytest.raises(LagoError) as caught:
        client.delete_customer("A1")

    assert (caught.value.status, caught.value.sent) == (403, False)


def test_an_id_with_a_dot_is_deleted_only_once_its_address_is_proven(
    client: LagoClient, scripted: Scripted
) -> None:
    scripted.answers(Answer(body={"customer": customer("a.b")}))

    client.delete_customer("a.b")

    assert [(asked.method, asked.target) for asked in scripted.asked] == [
        ("GET", "/api/v1/customers/a%2Eb"),
        ("DELETE", "/api/v1/customers/a%2Eb"),
    ]


def test_an_id_that_a_proxy_cuts_off_is_not_deleted(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body={"customer": customer("a")}))

    with pytest.raises(LagoError) as caught:
        client.delete_customer("a.b")

    assert caught.value.code == "lago_id_mismatch"
    assert [asked.method for asked in scripted.asked] == ["GET"]


def test_a_dotted_id_found_only_in_the_list_is_not_taken_for_gone(
    client: LagoClient, scripted: Scripted
) -> None:
    scripted.answers(ABSENT, listing("customers", [customer("a.b")]))

    with pytest.raises(LagoError, match="has a dot"):
        client.delete_customer("a.b")

    assert [asked.method for asked in scripted.asked] == ["GET", "GET"]


def test_a_dotted_id_found_nowhere_is_gone(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(ABSENT, listing("customers", []))

    assert client.delete_customer("a.b") is None
