"""The customers' pages, as HTTP."""

import pytest
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from customers.models import BackfillRun, User
from customers.sign_in import links
from customers.sign_in.asking import PER_ADDRESS
from tests.customers.imported_runs import add_id_tag, add_row, make_customer, make_run

pytestmark = pytest.mark.django_db

SIGN_IN = "/sign-in/"


def path_of(url: str) -> str:
    return url.removeprefix("http://localhost:8000")


@pytest.fixture
def signed_in(client: Client) -> User:
    user = make_customer(external_id="C-1")
    client.force_login(user, backend=links.BACKEND)
    return user


# --- Asking ----------------------------------------------------------------------------------------


def test_known_and_unknown_addresses_get_the_same_answer(client: Client) -> None:
    make_customer("erika@example.com")

    answers = [
        client.post(SIGN_IN, {"email": email}) for email in ("erika@example.com", "nobody@example.com")
    ]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].headers["Location"] == answers[1].headers["Location"] == "/sign-in/sent/"
    assert b"erika" not in client.get("/sign-in/sent/").content


def test_what_is_no_address_is_told_so_and_asks_nobody(client: Client) -> None:
    answer = client.post(SIGN_IN, {"email": "erika@"})

    assert answer.status_code == 400
    assert b"does not look like an email address" in answer.content
    assert b'aria-invalid="true"' in answer.content
    assert not OrmQ.objects.exists()


def test_asking_too_often_gets_a_page_that_says_when_to_come_back(client: Client) -> None:
    for _ in range(PER_ADDRESS):
        client.post(SIGN_IN, {"email": "erika@example.com"})

    answer = client.post(SIGN_IN, {"email": "erika@example.com"})

    assert answer.status_code == 429
    assert b"10 minutes" in answer.content


def test_the_forms_are_guarded_against_other_sites(client: Client) -> None:
    guarded = Client(enforce_csrf_checks=True)

    assert guarded.post(SIGN_IN, {"email": "erika@example.com"}).status_code == 403
    assert guarded.post("/sign-in/use/", {"token": "x"}).status_code == 403
    assert not OrmQ.objects.exists()


def test_another_site_cannot_sign_a_customer_out() -> None:
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(make_customer(), backend=links.BACKEND)

    answer = guarded.post("/account/sign-out/")

    assert answer.status_code == 403
    assert guarded.get("/account/").status_code == 200


# --- Using a link ----------------------------------------------------------------------------------


def test_opening_a_link_shows_a_button_and_signs_nobody_in(client: Client) -> None:
    url = path_of(links.requested_link(make_customer()))

    opened = [client.get(url), client.head(url), client.get(url)]

    assert [answer.status_code for answer in opened] == [200, 200, 200]
    assert b"<button" in opened[0].content
    assert "_auth_user_id" not in client.session


def test_the_page_of_a_link_is_kept_by_nobody_and_tells_nobody_its_address(client: Client) -> None:
    answer = client.get(path_of(links.requested_link(make_customer())))

    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert b"//" not in answer.content.replace(b"http://www.w3.org", b"")  # nothing is loaded from elsewhere


def test_the_button_signs_in_and_the_second_time_it_does_not(client: Client) -> None:
    token = links.requested_link(make_customer()).rstrip("/").rsplit("/", 1)[1]

    first = client.post("/sign-in/use/", {"token": token})
    second = Client().post("/sign-in/use/", {"token": token})

    assert (first.status_code, first.headers["Location"]) == (302, "/account/")
    assert client.get("/account/").status_code == 200
    assert second.status_code == 410
    assert b"This link no longer works" in second.content


def test_a_link_that_is_not_good_says_so_when_it_is_opened(client: Client) -> None:
    answer = client.get("/sign-in/link/made-up/")

    assert answer.status_code == 410
    assert b"Get a new link" in answer.content


def test_the_address_of_the_form_leads_somewhere_when_it_is_opened(client: Client) -> None:
    assert client.get("/sign-in/use/").headers["Location"] == SIGN_IN


def test_a_display_name_is_shown_as_text(client: Client) -> None:
    user = make_customer(display_name="<script>alert(1)</script>")

    content = client.get(path_of(links.requested_link(user))).content

    assert b"<script>" not in content
    assert b"&lt;script&gt;" in content


# --- The account -----------------------------------------------------------------------------------


def test_the_account_is_for_those_who_signed_in(client: Client) -> None:
    assert client.get("/account/").headers["Location"] == SIGN_IN
    assert client.get("/").headers["Location"] == "/account/"


def test_the_account_shows_name_address_masked_cards_plan_and_start(client: Client, signed_in: User) -> None:
    add_id_tag(signed_in, "04E12345AABB80", name="Van 3 <b>")
    add_row(make_run(), signed_in, plan_code="green", start_date="2026-12-01")

    page = client.get("/account/").content.decode()

    for expected in (
        "Erika Mustermann", "erika@example.com", "Van 3 &lt;b&gt;", "04E1…", "green", "1 December 2026",
    ):  # fmt: skip
        assert expected in page
    assert "04E12" not in page


def test_the_plan_of_a_reverted_run_is_not_shown(client: Client, signed_in: User) -> None:
    add_row(make_run(status=BackfillRun.Status.REVERTED), signed_in, plan_code="green")

    page = client.get("/account/").content.decode()

    assert "green" not in page
    assert "No plan yet." in page


def test_signing_out_ends_the_session_and_only_a_post_does(client: Client, signed_in: User) -> None:
    by_get = client.get("/account/sign-out/")
    still_in = client.get("/account/")
    client.post("/account/sign-out/")

    assert by_get.status_code == 405
    assert still_in.status_code == 200
    assert client.get("/account/").status_code == 302


def test_a_customer_who_is_deactivated_is_out_at_once(client: Client, signed_in: User) -> None:
    User.objects.update(is_active=False)

    assert client.get("/account/").headers["Location"] == SIGN_IN


def test_staff_have_no_account_page(client: Client) -> None:
    client.force_login(User.objects.create_superuser("staff@example.com", "pw"), backend=links.BACKEND)

    assert client.get("/account/").headers["Location"] == reverse("admin:index")


# --- Staff sign in elsewhere, with a password --------------------------------------------------------


def test_a_customer_cannot_sign_in_at_the_admin(client: Client) -> None:
    make_customer("erika@example.com").set_password("a long password")

    client.post(reverse("admin:login"), {"username": "erika@example.com", "password": "a long password"})

    assert "_auth_user_id" not in client.session
