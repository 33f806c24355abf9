"""Pages and mails of six languages in a real browser: nothing is cut off, on a phone and on a tablet."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from customers.backfill.welcome.sample import html_of, sample_message
from customers.models import User
from customers.sign_in import links
from tests.customers.imported_runs import add_id_tag, make_customer
from tests.support.browser import PHONE, is_wider_than_its_window, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BUTTONS = {
    "en": ("Send me a link", "Sign in", "Sign out"),
    "de": ("Link anfordern", "Anmelden", "Abmelden"),
    "fr": ("Recevoir un lien", "Se connecter", "Se déconnecter"),
    "nl": ("Link aanvragen", "Inloggen", "Uitloggen"),
    "es": ("Enviarme un enlace", "Iniciar sesión", "Cerrar sesión"),
    "it": ("Invia il link", "Accedi", "Esci"),
}
TABLET = {"width": 800, "height": 900}


@pytest.fixture
def customer(live_server: LiveServer, settings: Settings) -> User:
    settings.CUSTOMER_BASE_URL = live_server.url
    settings.OPERATOR_NAME = "Acme Charging"
    settings.OPERATOR_CONTACT_EMAIL = "help@example.com"
    settings.EMAIL_FROM = "noreply@example.com"
    user = make_customer(external_id="C-1")
    add_id_tag(user, "04E12345AABB80")
    return user


def press(page: Page, name: str, name_of_picture: str) -> None:
    expect(page.locator("html")).to_have_attribute("lang", name_of_picture.rpartition("-")[2])
    assert not is_wider_than_its_window(page)
    shoot(page, name_of_picture)
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.matrix
def test_a_customer_goes_through_the_pages_in_each_language(
    browser: Browser, customer: User, live_server: LiveServer
) -> None:
    for language, (ask, sign_in, sign_out) in BUTTONS.items():
        User.objects.update(locale=language)
        visitor = browser.new_context(locale=f"{language}-CH", viewport=PHONE)  # type: ignore[arg-type]
        stranger = browser.new_context(locale="pl", viewport=PHONE)  # type: ignore[arg-type]

        page = visitor.new_page()
        page.goto(live_server.url)
        press(page, ask, f"sign-in-{language}")
        expect(page.get_by_role("alert")).to_be_visible()

        page = stranger.new_page()
        customer.refresh_from_db()
        page.goto(links.requested_link(customer))
        press(page, sign_in, f"link-{language}")
        expect(page.get_by_text("04E1…")).to_be_visible()
        press(page, sign_out, f"account-{language}")
        visitor.close()
        stranger.close()


def test_the_mail_fits_a_phone_and_a_tablet_in_each_language(
    browser: Browser, customer: User, tmp_path: Path
) -> None:
    page = browser.new_page()
    for language in BUTTONS:
        (tmp_path / "mail.html").write_text(html_of(sample_message(locale=language)), "utf-8")
        page.goto((tmp_path / "mail.html").as_uri())
        for size in (PHONE, TABLET):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            assert not is_wider_than_its_window(page)
        shoot(page, f"mail-{language}")
    page.close()
