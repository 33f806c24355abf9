"""The customers' pages speak the language of whose link it is, or of the browser; the admin English."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from time_machine import travel

from customers.models import User
from customers.sign_in import links
from customers.sign_in.asking import PER_ADDRESS
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff
from tests.customers.imported_runs import make_customer

pytestmark = pytest.mark.django_db

SIGN_IN = "/sign-in/"


@pytest.fixture
def french(settings: Settings) -> User:
    settings.CUSTOMER_BASE_URL = ""
    user = make_customer("jeanne@example.com", external_id="C-1")
    User.objects.filter(pk=user.pk).update(locale="fr")
    user.refresh_from_db()
    return user


def spoken(answer) -> tuple[str, str]:  # type: ignore[no-untyped-def]
    """Return the language that a page says it has, and its heading."""
    words = answer.content.decode()
    language = answer.headers["Content-Language"]
    assert f'<html lang="{language}">' in words
    assert "Accept-Language" in answer.headers["Vary"]
    heading = re.search(r"<h1>(.*?)</h1>", words)
    return language, heading[1] if heading else ""


# --- Unknown visitors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "language", "heading"),
    [
        ("", "en", "Sign in"),
        ("de-AT,de;q=0.9,en;q=0.8", "de", "Anmelden"),
        ("pl,fr;q=0.5,en;q=0.4", "fr", "Se connecter"),
        ("en;q=0.4,nl-BE;q=0.9", "nl", "Inloggen"),
        ("ES", "es", "Iniciar sesión"),
        ("it,de", "it", "Accedi"),
        ("pl", "en", "Sign in"),
        ("de;q=0,fr;q=0.1", "fr", "Se connecter"),
        ("de;q=0", "en", "Sign in"),
        ("*", "en", "Sign in"),
        ("de" * 5000, "en", "Sign in"),
        ("../../etc/passwd,de_", "en", "Sign in"),
    ],
)
def test_a_visitor_reads_what_the_browser_asks_for(client: Client, asked, language, heading):
    answer = client.get(SIGN_IN, headers={"accept-language": asked})

    assert spoken(answer) == (language, heading)


def test_a_visitor_of_another_language_reads_the_operators(client: Client, settings: Settings):
    settings.MAIL_LANGUAGE = "it"

    assert spoken(client.get(SIGN_IN, headers={"accept-language": "pl"})) == ("it", "Accedi")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "Geben Sie Ihre E-Mail-Adresse ein."),
        ("erika@", "Das sieht nicht nach einer E-Mail-Adresse aus."),
        (f"{'e' * 300}@example.com", "Zeichen"),
    ],
)
def test_errors_of_the_form_are_in_that_language_too(client: Client, given, told):
    answer = client.post(SIGN_IN, {"email": given}, headers={"accept-language": "de"})

    alert = re.search(r'role="alert">(.*?)</p>', answer.content.decode())
    assert answer.status_code == 400
    assert alert is not None
    assert told in alert[1]


def test_how_long_a_link_lives_and_when_to_ask_again_are_said_in_that_language(client: Client):
    german = {"accept-language": "de"}

    sent = client.get("/sign-in/sent/", headers=german)
    for _ in range(PER_ADDRESS + 1):
        too_often = client.post(SIGN_IN, {"email": "erika@example.com"}, headers=german)

    assert spoken(sent)[0] == spoken(too_often)[0] == "de"
    assert "ist 15 Minuten gültig" in sent.content.decode()
    assert "Warten Sie 10 Minuten" in too_often.content.decode()


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        ("/nowhere/", 404, "Seite nicht gefunden"),
        ("/sign-in/link/x.y/", 410, "Dieser Link funktioniert nicht mehr"),
    ],
)
def test_refusals_are_in_that_language(client: Client, path, status, heading):
    answer = client.get(path, headers={"accept-language": "de"})

    assert (answer.status_code, spoken(answer)) == (status, ("de", heading))


def test_a_form_without_a_cookie_is_refused_in_that_language():
    client = Client(enforce_csrf_checks=True)

    answer = client.post(SIGN_IN, {"email": "x@example.com"}, headers={"accept-language": "es"})

    assert (answer.status_code, spoken(answer)[1]) == (403, "Permita las cookies")


# --- Customers -------------------------------------------------------------------------------------------


def test_a_link_leads_to_pages_in_its_owners_language(client: Client, french: User):
    german = {"accept-language": "de"}
    url = links.requested_link(french)

    shown = client.get(url, headers=german)
    client.post("/sign-in/use/", {"token": url.rstrip("/").rpartition("/")[2]}, headers=german)
    account = client.get("/account/", headers=german)
    again = client.get(SIGN_IN, headers=german)

    assert spoken(shown) == ("fr", f"Bonjour, {french.display_name}")
    assert spoken(account)[0] == spoken(again)[0] == "fr"
    assert "Cartes de recharge" in account.content.decode()


def test_a_link_that_is_too_old_is_refused_in_its_owners_language(client: Client, french: User):
    url = links.requested_link(french)

    with travel(timezone.now() + timedelta(hours=1), tick=False):
        old = client.get(url)
        made_up = client.get(url[:-3] + "xx/")

    assert (old.status_code, spoken(old)) == (410, ("fr", "Ce lien ne fonctionne plus"))
    assert (made_up.status_code, spoken(made_up)[0]) == (410, "en")


def test_a_used_link_tells_nothing_of_its_owner(client: Client, french: User):
    url = links.requested_link(french)
    client.post("/sign-in/use/", {"token": url.rstrip("/").rpartition("/")[2]})

    assert spoken(Client().get(url))[0] == "en"


# --- The admin -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/admin/", "/admin/customers/customer/", "/admin/nowhere/"])
def test_the_admin_is_english_whatever_the_browser_asks_for(path, inbox):
    client = client_of(member_of_staff(*EVERYTHING))

    plain = client.get(path)
    german = client.get(path, headers={"accept-language": "de"})

    assert german.status_code == plain.status_code
    assert b"Anmelden" not in german.content
    assert without_secrets(german.content) == without_secrets(plain.content)


def test_the_admins_sign_in_is_english_after_a_german_page():
    client = Client()
    client.get(SIGN_IN, headers={"accept-language": "de"})

    answer = client.get("/admin/login/", headers={"accept-language": "de"})

    assert b'lang="en"' in answer.content
    assert b"Log in" in answer.content


def without_secrets(content: bytes) -> str:
    """Leave out what differs from answer to answer: the token of forms, and how long ago things were."""
    return re.sub(r'(value="|"X-CSRFToken": ?")[A-Za-z0-9]{64}|nonce="[^"]*"', "", content.decode())
