"""Customers, idTags, staff and groups in the admin."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from auditlog.models import AuditEntry
from customers.backfill.reconcile import reconcile
from customers.backfill.systems import connect
from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import EVERYTHING, audited, client_of, member_of_staff, said, words_of
from tests.customers.factories import imported, row, rows

pytestmark = pytest.mark.django_db

CUSTOMERS = "/admin/customers/customer/"
MAPPINGS = "/admin/customers/idtagmapping/"


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("root@operator.example", "correct-horse-battery")


@pytest.fixture
def run(lago: Sandbox) -> BackfillRun:
    report = imported([*rows(3), row(3, id_tag="SECONDCARD")])
    assert report.run is not None
    return report.run


def page_of(user: User) -> str:
    return f"{CUSTOMERS}{user.pk}/change/"


def customer(number: int = 1) -> User:
    return User.objects.get(external_id=f"C-{number}")


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    return {"email": user.email, "display_name": user.display_name, "is_active": "on", **changes}


# --- customers ---------------------------------------------------------------------------------------


def test_the_language_is_chosen_from_ours_and_one_of_lagos_stays(
    client: Client, run: BackfillRun, settings: Any
) -> None:
    settings.MAIL_LANGUAGE = "nl"
    user = customer()
    User.objects.filter(pk=user.pk).update(locale="sv")

    page = client.get(page_of(user)).content.decode()
    client.post(page_of(user), form_of(user, locale="sv"))
    kept = customer().locale
    client.post(page_of(user), form_of(user, locale="fr"))
    chosen = customer().locale
    client.post(page_of(user), form_of(user, locale="xx"))

    assert "sv: reads Dutch" in page
    assert (kept, chosen, customer().locale) == ("sv", "fr", "fr")
    assert audited("customer.changed")[0].data == {"fields": ["Language"]}


def test_a_language_can_be_taken_away(client: Client, run: BackfillRun) -> None:
    User.objects.filter(pk=customer().pk).update(locale="de")

    client.post(page_of(customer()), form_of(customer(), locale=""))

    assert customer().locale == ""


@pytest.mark.parametrize("search", ["customer3@example.com", "Customer 3", "C-3", "secondcard"])
def test_a_customer_is_found_by_all_that_is_known_of_them(
    client: Client, run: BackfillRun, search: str
) -> None:
    words = words_of(client.get(CUSTOMERS, {"q": search}))

    assert "C-3" in words
    assert "C-1" not in words


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"plan": "fleet"}, ["C-2"]),
        ({"signed_in": "never"}, ["C-2"]),
        ({"signed_in": "once"}, ["C-1"]),
        ({"run": "20200101-000000-0000"}, []),
    ],
)
def test_customers_are_filtered(
    client: Client, lago: Sandbox, query: dict[str, str], found: list[str]
) -> None:
    imported([row(1), row(2, plan_code="fleet")])
    User.objects.filter(external_id="C-1").update(last_login="2026-11-22T12:00:00Z")

    page = client.get(CUSTOMERS, query)

    assert [one.external_id for one in page.context["cl"].result_list] == found


def test_customers_are_filtered_by_run(client: Client, run: BackfillRun) -> None:
    factories.customer(9)

    page = client.get(CUSTOMERS, {"run": run.run_id})

    assert {one.external_id for one in page.context["cl"].result_list} == {"C-1", "C-2", "C-3"}


def test_the_list_holds_customers_only_and_takes_few_queries(client: Client, run: BackfillRun) -> None:
    client.get(CUSTOMERS)
    with CaptureQueriesContext(connection) as queries:
        page = client.get(CUSTOMERS)

    assert "sam@operator.example" not in [one.email for one in page.context["cl"].result_list]
    assert len(queries) <= 12


def test_the_page_of_a_customer_has_all_about_them(client: Client, run: BackfillRun, settings: Any) -> None:
    settings.LAGO_DASHBOARD_URL = "https://lago.example.com"

    answer = client.get(page_of(customer(3)))

    words, page = words_of(answer), answer.content.decode()
    for told in ("TAG0003", "SECONDCARD", "backfill-C-3", run.run_id, "user.created", "standard"):
        assert told in words
    assert 'href="https://lago.example.com/customer/' in page
    assert "/subscription/" in page


def test_what_one_may_not_see_is_not_on_the_page(lago: Sandbox, run: BackfillRun) -> None:
    client = client_of(member_of_staff("view_customer", email="olga@operator.example"))

    words = words_of(client.get(page_of(customer())))

    assert run.run_id not in words
    assert "user.created" not in words


def test_an_address_is_changed_and_the_change_is_audited_without_the_address(
    client: Client, run: BackfillRun
) -> None:
    client.post(page_of(customer()), form_of(customer(), email="new@example.com"))

    assert customer().email == "new@example.com"
    (entry,) = audited("customer.changed")
    assert (entry.subject, entry.data) == ("customer:C-1", {"fields": ["Email"]})
    assert "new@example.com" not in str(AuditEntry.objects.values())


def test_a_new_address_is_said_to_be_the_old_one_in_lago_as_reconcile_will_say(
    client: Client, run: BackfillRun
) -> None:
    answer = client.post(page_of(customer()), form_of(customer(), email="new@example.com"))

    (warning, _) = said(client, answer)
    with connect() as systems:
        kinds = {one.divergence.kind for one in reconcile(run, systems).found}
    assert warning.startswith("Lago still has the old address")
    assert kinds == {"email_drifted"}
    assert f"a reconcile of run {run.run_id} names email_drifted." in warning
    assert "change it there too" in words_of(client.get(page_of(customer())))


def test_an_address_that_is_somebody_else_s_is_refused(client: Client, run: BackfillRun) -> None:
    for taken in ("CUSTOMER2@example.com", "sam@operator.example"):
        answer = client.post(page_of(customer()), form_of(customer(), email=taken))

        assert "somebody's already" in words_of(answer)


def test_an_address_is_stored_in_lower_case_and_found_in_any(client: Client, run: BackfillRun) -> None:
    client.post(page_of(customer()), form_of(customer(), email=" New@Example.COM"))

    assert customer().email == "new@example.com"
    assert "C-1" in words_of(client.get(CUSTOMERS, {"q": "NEW@example.com"}))


def test_the_same_address_in_capitals_is_no_change_of_it(client: Client, run: BackfillRun) -> None:
    client.post(page_of(customer()), form_of(customer(), email="CUSTOMER1@example.com", display_name="New"))

    assert customer().email == "customer1@example.com"
    assert audited("customer.changed")[0].data == {"fields": ["Display name"]}


def test_an_address_of_staff_is_stored_in_lower_case(superuser: User) -> None:
    page = f"/admin/customers/user/{superuser.pk}/change/"

    client_of(superuser).post(page, {"email": "New.Root@Operator.EXAMPLE", "display_name": "Root"})

    superuser.refresh_from_db()
    assert superuser.email == "new.root@operator.example"


def test_letters_whose_plain_form_has_capitals_are_stored_without(client: Client, run: BackfillRun) -> None:
    client.post(page_of(customer()), form_of(customer(), email="ann@\u2121.example"))  # one letter: TEL

    assert customer().email == "ann@tel.example"


def test_an_external_id_stays_what_it_is(client: Client, run: BackfillRun) -> None:
    client.post(page_of(customer()), form_of(customer(), external_id="OTHER"))

    assert User.objects.filter(external_id="C-1").exists()


@pytest.mark.parametrize(("given", "becomes"), [("C-77", "C-77"), ("", None), ("..", None), ("c-1", None)])
def test_a_customer_who_signed_up_directly_can_be_given_an_external_id(
    client: Client, run: BackfillRun, given: str, becomes: str | None
) -> None:
    direct = User.objects.create_user("direct@example.com")

    client.post(page_of(direct), form_of(direct, external_id=given))

    direct.refresh_from_db()
    assert direct.external_id == becomes


@pytest.mark.parametrize("field", ["role", "is_superuser", "is_staff", "groups", "user_permissions"])
def test_no_customer_is_made_staff(client: Client, run: BackfillRun, field: str) -> None:
    client.post(page_of(customer()), form_of(customer(), **{field: "staff"}))

    assert (customer().role, customer().is_superuser) == ("customer", False)


def test_customers_are_neither_added_nor_deleted_by_hand(client: Client, run: BackfillRun) -> None:
    assert client.get(f"{CUSTOMERS}add/").status_code == 403
    assert client.post(f"{CUSTOMERS}{customer().pk}/delete/", {"post": "yes"}).status_code == 403


def test_staff_are_not_reached_through_the_page_of_a_customer(client: Client, superuser: User) -> None:
    assert client.get(page_of(superuser)).status_code == 302
    assert client.post(page_of(superuser), form_of(superuser, email="x@example.com")).status_code == 302
    superuser.refresh_from_db()
    assert superuser.email == "root@operator.example"


# --- idTags ------------------------------------------------------------------------------------------


def test_an_id_tag_is_switched_off_and_that_is_audited(client: Client, run: BackfillRun) -> None:
    mapping = IdTagMapping.objects.get(id_tag="TAG0001")

    client.post(f"{MAPPINGS}{mapping.pk}/change/", {})

    mapping.refresh_from_db()
    assert not mapping.is_active
    assert audited("idtagmapping.changed")[0].subject == "customer:C-1"


def test_an_id_tag_without_a_subscription_cannot_be_switched_on(client: Client, run: BackfillRun) -> None:
    mapping = IdTagMapping.objects.create(user=customer(), id_tag="HANDMADE")

    answer = client.post(f"{MAPPINGS}{mapping.pk}/change/", {"is_active": "on"})

    mapping.refresh_from_db()
    assert answer.status_code == 200
    assert not mapping.is_active


def test_the_list_of_id_tags_takes_few_queries(client: Client, run: BackfillRun) -> None:
    client.get(MAPPINGS)
    with CaptureQueriesContext(connection) as queries:
        words = words_of(client.get(MAPPINGS, {"q": "C-3"}))

    assert "SECONDCARD" in words
    assert len(queries) <= 8


def test_no_history_of_django_s_own_is_kept(client: Client, run: BackfillRun) -> None:
    client.post(page_of(customer()), form_of(customer(), display_name="Other Name"))

    assert not LogEntry.objects.exists()
