"""The button pressed twice, the form in another tab, the link opened again: by whom, and where it leads."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
import requests
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from auditlog.models import AuditEntry
from customers.models import ThrottleMark, User
from customers.sign_in import links, repeats
from tests.customers.imported_runs import make_customer

USE = "/sign-in/use/"
DEAD = b"This link no longer works"
AT_ONCE = 2
TRIES = 24

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _addresses(settings: Settings) -> None:
    settings.CUSTOMER_BASE_URL = "http://testserver"


def path_of(user: User) -> str:
    return links.requested_link(user).removeprefix("http://testserver")


def opened(path: str) -> tuple[Client, dict[str, str]]:
    """Open a link in a browser of its own, and give it with what the form would send."""
    browser = Client(enforce_csrf_checks=True)
    return browser, form_of(browser.get(path).content.decode())


def form_of(page: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in fields}


def with_cookies_of(browser: Client) -> Client:
    """Give a browser that sends what this one sends now, and keeps to itself what it is answered."""
    copy = Client(enforce_csrf_checks=True)
    for name, morsel in browser.cookies.items():
        copy.cookies[name] = morsel.value
    return copy


def is_at_the_account_of(user: User, browser: Client) -> bool:
    answer = browser.get("/account/")
    return answer.status_code == 200 and user.email in answer.content.decode()


# --- A double click ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(TRIES))
def test_two_clicks_at_once_both_lead_to_the_account(attempt: int, live_server: LiveServer) -> None:
    user = make_customer()
    address = f"{live_server.url}{path_of(user)}"
    with requests.Session() as jar:
        form = form_of(jar.get(address).text)
        cookies = dict(jar.cookies)
    gate, ends = threading.Barrier(AT_ONCE), []

    def click() -> None:
        with requests.Session() as browser:
            browser.cookies.update(cookies)
            gate.wait()
            ends.append(browser.post(f"{live_server.url}{USE}", form))

    both(click)

    assert [end.url for end in ends] == [f"{live_server.url}/account/"] * AT_ONCE
    assert all(user.email in end.text for end in ends)
    assert sorted(AuditEntry.objects.values_list("action", flat=True)) == ["sign_in.repeated", "sign_in.used"]


def both(click: Callable[[], None]) -> None:
    threads = [threading.Thread(target=click) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_of_two_browsers_at_once_one_is_signed_in(live_server: LiveServer) -> None:
    address = f"{live_server.url}{path_of(make_customer())}"
    gate, ends = threading.Barrier(AT_ONCE), []

    def click() -> None:
        with requests.Session() as browser:
            form = form_of(browser.get(address).text)
            gate.wait()
            ends.append(browser.post(f"{live_server.url}{USE}", form).status_code)

    both(click)

    assert sorted(ends) == [200, 410]


def test_a_repeat_gets_a_session_of_its_own_whichever_answer_the_browser_keeps() -> None:
    user = make_customer()
    browser, form = opened(path_of(user))
    second = with_cookies_of(browser)

    answers = [browser.post(USE, form), second.post(USE, form)]

    assert [answer["Location"] for answer in answers] == ["/account/"] * 2
    assert is_at_the_account_of(user, browser)
    assert is_at_the_account_of(user, second)
    assert browser.session.session_key != second.session.session_key


def test_a_session_that_somebody_foisted_on_the_browser_is_not_the_one_that_is_signed_in() -> None:
    user = make_customer()
    browser, form = opened(path_of(user))
    foisted = browser.session
    foisted["anything"] = "of somebody"
    foisted.save()
    browser.cookies["sessionid"] = foisted.session_key or ""
    second = with_cookies_of(browser)

    browser.post(USE, form)
    second.post(USE, form)

    keys = {browser.session.session_key, second.session.session_key}
    assert len(keys) == 2
    assert foisted.session_key not in keys
    assert not Session.objects.filter(session_key=foisted.session_key).exists()


def test_a_repeat_counts_for_a_minute() -> None:
    browser, form = opened(path_of(make_customer()))
    late = with_cookies_of(browser)
    browser.post(USE, form)
    ThrottleMark.objects.update(at=timezone.now() - repeats.WITHIN - timedelta(seconds=1))

    answer = late.post(USE, form)

    assert answer.status_code == 410
    assert "_auth_user_id" not in late.session


def test_a_repeat_does_not_count_without_end() -> None:
    browser, form = opened(path_of(make_customer()))
    copies = [with_cookies_of(browser) for _ in range(repeats.MOST + 1)]
    browser.post(USE, form)

    statuses = [copy.post(USE, form).status_code for copy in copies]

    assert statuses == [302] * repeats.MOST + [410]


def test_after_signing_out_the_form_that_is_left_signs_nobody_in() -> None:
    browser, form = opened(path_of(make_customer()))
    browser.post(USE, form)
    browser.post("/account/sign-out/", form_of(browser.get("/account/").content.decode()))

    answer = browser.post(USE, form)

    assert answer.status_code == 403
    assert "_auth_user_id" not in browser.session


def test_a_customer_who_was_deactivated_in_between_is_not_signed_in_by_the_repeat() -> None:
    browser, form = opened(path_of(make_customer()))
    second = with_cookies_of(browser)
    browser.post(USE, form)
    User.objects.update(is_active=False)

    assert second.post(USE, form).status_code == 410


def test_another_browser_with_the_used_link_gets_the_dead_page() -> None:
    path = path_of(make_customer())
    browser, form = opened(path)
    other, form_of_other = opened(path)
    browser.post(USE, form)

    clicked, looked = other.post(USE, form_of_other), other.get(path)

    assert (clicked.status_code, looked.status_code) == (410, 410)
    assert DEAD in clicked.content
    assert "_auth_user_id" not in other.session


@pytest.mark.parametrize("change", [str.swapcase, lambda token: f"{token}=", lambda token: f" {token}"])
def test_a_token_that_only_looks_like_the_used_one_is_no_repeat(change: Callable[[str], str]) -> None:
    browser, form = opened(path_of(make_customer()))
    second = with_cookies_of(browser)
    browser.post(USE, form)

    answer = second.post(USE, {**form, "token": change(form["token"])})

    assert answer.status_code == 410
    assert "_auth_user_id" not in second.session


def test_a_token_that_names_somebody_else_in_other_capitals_signs_nobody_in() -> None:
    user, other = make_customer(pk=0x10005), make_customer("max@example.com", pk=0x101A5)
    browser, form = opened(path_of(user))
    second = with_cookies_of(browser)
    browser.post(USE, form)
    letters = list(form["token"])
    letters[9] = letters[9].swapcase()
    changed = "".join(letters)

    answer = second.post(USE, {**form, "token": changed})

    assert path_of(other).rpartition("/link/")[2].startswith(changed[:10]), (
        "it names nobody: it proves nothing"
    )
    assert answer.status_code == 410
    assert "_auth_user_id" not in second.session


# --- A second tab, and later -------------------------------------------------------------------------


def test_a_click_after_the_first_was_answered_leads_to_the_account() -> None:
    user = make_customer()
    browser, form = opened(path_of(user))
    browser.post(USE, form)

    answer = browser.post(USE, form)

    assert (answer.status_code, answer["Location"]) == (302, "/account/")


def test_a_used_link_leads_whoever_it_signed_in_to_their_account() -> None:
    user = make_customer()
    path = path_of(user)
    browser, form = opened(path)
    browser.post(USE, form)

    assert browser.get(path)["Location"] == "/account/"


def test_a_used_link_of_somebody_else_is_dead_for_whoever_is_signed_in() -> None:
    used = path_of(make_customer("max@example.com"))
    stranger, form = opened(used)
    stranger.post(USE, form)
    browser, own = opened(path_of(make_customer()))
    browser.post(USE, own)

    assert browser.get(used).status_code == 410


def test_opening_a_good_link_of_ones_own_does_not_use_it_up() -> None:
    user = make_customer()
    browser, form = opened(path_of(user))
    browser.post(USE, form)
    user.refresh_from_db()
    path = path_of(user)

    browser.get(path)

    assert links.resolve(path.rstrip("/").rpartition("/")[2])


def test_a_good_link_of_somebody_else_asks_before_it_changes_who_is_signed_in() -> None:
    other = make_customer("max@example.com")
    browser, form = opened(path_of(make_customer()))
    browser.post(USE, form)
    in_a_tab = browser.get(path_of(other))
    stale = {**form, "token": form_of(in_a_tab.content.decode())["token"]}

    refused = browser.post(USE, stale)
    browser.post(USE, form_of(browser.get(f"/sign-in/link/{stale['token']}/").content.decode()))

    assert refused.status_code == 403
    assert is_at_the_account_of(other, browser)


# --- Forms that cannot be taken ----------------------------------------------------------------------


def test_blocked_cookies_are_named_with_a_way_back_to_the_link() -> None:
    path = path_of(make_customer())
    _, form = opened(path)

    answer = Client(enforce_csrf_checks=True).post(USE, form)

    assert answer.status_code == 403
    assert b"Please allow cookies" in answer.content
    assert f'href="{path}"' in answer.content.decode()


def test_a_form_that_is_out_of_date_leads_back_to_its_page() -> None:
    path = path_of(make_customer())
    browser, form = opened(path)
    browser.cookies["csrftoken"] = "a" * 32

    answer = browser.post(USE, form)

    assert answer.status_code == 403
    assert b"Please try once more" in answer.content
    assert f'href="{path}"' in answer.content.decode()


@pytest.mark.parametrize("token", ["", "a/b", "../../admin/", "x" * 200, "ä", "a\nb", '"><b>'])
def test_a_token_that_could_be_none_leads_to_the_sign_in(token: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(USE, {"token": token})

    assert answer.status_code == 403
    assert 'class="button" href="/sign-in/"' in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "leads_to"), [("/sign-in/", "/sign-in/"), ("/account/sign-out/", "/account/")]
)
def test_every_other_form_leads_somewhere_too(path: str, leads_to: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    if path == "/account/sign-out/":
        browser.force_login(make_customer(), backend=links.BACKEND)

    answer = browser.post(path, {"email": "erika@example.com"})

    assert answer.status_code == 403
    assert f'class="button" href="{leads_to}"' in answer.content.decode()


def test_whoever_is_signed_in_and_asks_for_a_link_with_an_old_form_is_told_so() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_customer(), backend=links.BACKEND)

    assert browser.post("/sign-in/", {"email": "erika@example.com"})["Location"] == "/sign-in/"


@pytest.mark.parametrize("path", [USE, "/sign-in/", "/admin/login/"])
def test_no_page_says_why_it_was_refused(path: str) -> None:
    page = Client(enforce_csrf_checks=True).post(path, {"token": "x"}).content

    assert b"CSRF" not in page
    assert b"Django" not in page


def test_a_form_of_the_admin_leads_back_to_the_page_it_is_on() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_superuser("root@operator.example"), backend=links.BACKEND)
    page = "http://testserver/admin/customers/user/add/"

    ours = browser.post("/admin/customers/user/add/", headers={"Referer": page})
    foreign = browser.post("/admin/customers/user/add/", headers={"Referer": "https://evil.example/"})

    assert (ours.status_code, foreign.status_code) == (403, 403)
    assert f'href="{page}"' in ours.content.decode()
    assert "evil.example" not in foreign.content.decode()


def test_a_second_click_on_the_sign_in_of_the_admin_leads_to_the_overview() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_superuser("root@operator.example"), backend=links.BACKEND)

    assert browser.post("/admin/login/", {"username": "root@operator.example"})["Location"] == "/admin/"


# --- Who is signed in --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_staff", "leads_to", "hint"),
    [(False, "/account/", b"erika@example.com"), (True, "/admin/", b"login of staff")],
)
def test_the_sign_in_page_says_who_is_signed_in_and_how_to_sign_out(
    is_staff: bool, leads_to: str, hint: bytes, client: Client
) -> None:
    user = User.objects.create_superuser("root@operator.example") if is_staff else make_customer()
    client.force_login(user, backend=links.BACKEND)

    page = client.get("/sign-in/").content
    client.post("/account/sign-out/")

    assert b"You are signed in" in page
    assert hint in page
    assert f'class="button" href="{leads_to}"'.encode() in page
    assert b"Send me a link" in client.get("/sign-in/").content
