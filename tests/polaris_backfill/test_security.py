"""What a browser may run on our pages, and how much it may send."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client

from customers.models import User
from polaris_backfill import environment
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff
from tests.polaris_backfill.processes import PRODUCTION, manage

TEMPLATES = Path(project.BASE_DIR) / "templates"


def policy_of(answer: Any) -> dict[str, str]:
    parts = answer["Content-Security-Policy"].split("; ")
    return {name: sources for name, _, sources in (part.partition(" ") for part in parts)}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sign-in/", "/healthz", "/nowhere/"])
def test_a_page_for_customers_runs_no_script_at_all(client: Client, path: str) -> None:
    policy = policy_of(client.get(path))

    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"


@pytest.mark.django_db
def test_a_page_of_the_admin_runs_no_inline_script(client: Client) -> None:
    policy = policy_of(client.get("/admin/login/"))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["form-action"] == "'self'"


def test_no_template_of_ours_has_an_inline_script_or_handler() -> None:
    found = [
        path.name
        for path in TEMPLATES.rglob("*.html")
        if re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|javascript:", path.read_text(), re.IGNORECASE)
    ]

    assert found == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/customers/backfillrun/", "/admin/customers/backfillrun/import/"]
)
def test_no_page_of_the_admin_has_an_inline_script(path: str, settings: Any) -> None:
    settings.LAGO_API_KEY = ""

    page = client_of(member_of_staff(*EVERYTHING)).get(path).content.decode()

    assert not re.search(r"<script(?![^>]*\bsrc=)", page)


@pytest.mark.django_db
def test_pages_about_people_are_kept_by_no_cache() -> None:
    answer = client_of(member_of_staff(*EVERYTHING)).get("/admin/customers/customer/")

    assert "no-store" in answer["Cache-Control"]


def test_a_body_that_is_too_large_is_refused_unread(client: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 0

    answer = client.generic("POST", "/healthz", data=bytes(1024 * 1024 + 1))

    assert answer.status_code == 413


def test_a_length_that_is_no_number_is_refused(client: Client) -> None:
    assert client.get("/healthz", CONTENT_LENGTH="-5").status_code == 413


@pytest.mark.django_db
def test_a_password_is_not_guessed_for_long(settings: Any) -> None:
    member_of_staff()
    client = Client()
    wrong = {"username": "sam@operator.example", "password": "wrong"}

    statuses = [client.post("/admin/login/", wrong).status_code for _ in range(settings.AXES_FAILURE_LIMIT)]

    assert statuses[0] == 200
    assert statuses[-1] == 429


@pytest.mark.django_db
def test_a_customer_cannot_sign_in_at_the_admin() -> None:
    User.objects.create_user("carla@example.com", "correct-horse-battery")

    answer = Client().post(
        "/admin/login/", {"username": "carla@example.com", "password": "correct-horse-battery"}
    )

    assert answer.status_code == 200
    assert "_auth_user_id" not in answer.client.session


def test_a_production_server_sets_cookies_and_transport_as_it_should() -> None:
    names = (
        "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY",
        "SECURE_SSL_REDIRECT",
    )  # fmt: skip
    ask = f"from django.conf import settings; print([getattr(settings, name) for name in {names!r}])"

    done = manage("shell", "--no-imports", "-c", ask, **PRODUCTION)

    assert done.stdout == "[True, True, True, True, True]\n"


# --- Behind a proxy that leaves the port out; with a real one in test_behind_nginx --------------------


@pytest.fixture
def served_at(settings: Any) -> Any:
    """Have the pages served as a server with this ALLOWED_HOSTS does."""

    def serve(*names: str) -> Client:
        settings.HOSTS = environment.hosts("NO_SUCH_VARIABLE", names)
        settings.ALLOWED_HOSTS = [host.name for host in settings.HOSTS]
        settings.CSRF_TRUSTED_ORIGINS = [host.origin for host in settings.HOSTS if host.name != "*"]
        settings.SECURE_SSL_REDIRECT = True
        return Client(enforce_csrf_checks=True)

    return serve


@pytest.mark.parametrize(
    ("allowed", "asked", "led_to"),
    [
        (["a.example.com:8443"], "a.example.com", "a.example.com:8443"),
        (["a.example.com:8443"], "a.example.com:8080", "a.example.com:8443"),
        (["a.example.com"], "a.example.com:8080", "a.example.com"),
        ([".example.com:8443"], "b.example.com", "b.example.com:8443"),
        (["*", "a.example.com:8443"], "a.example.com", "a.example.com:8443"),
        (["*"], "elsewhere.example:8080", "elsewhere.example:8080"),
        (["[::1]:8443"], "[::1]:8080", "[::1]:8443"),
    ],
)
def test_who_comes_by_http_is_led_to_the_port_that_is_named(
    served_at: Any, allowed: list[str], asked: str, led_to: str
) -> None:
    answer = served_at(*allowed).get("/sign-in/?a=b", headers={"host": asked})

    assert (answer.status_code, answer["Location"]) == (301, f"https://{led_to}/sign-in/?a=b")


def test_a_name_that_is_not_ours_is_refused_and_not_led_anywhere(served_at: Any) -> None:
    answer = served_at("a.example.com:8443").get("/sign-in/", headers={"host": "b.example.com"})

    assert answer.status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("allowed", "host", "origin", "is_taken"),
    [
        (".example.com:8443", "b.example.com", "https://b.example.com:8443", True),
        (".example.com:8443", "b.example.com", "https://b.example.com:9443", False),
        (".example.com:8443", "b.example.com", "https://example.org:8443", False),
        ("[::1]:8443", "[::1]", "https://[::1]:8443", True),
        ("[::1]:8443", "[::1]", "https://[::2]:8443", False),
    ],
)
def test_a_form_is_taken_from_a_name_below_and_from_an_address_in_brackets(
    served_at: Any, allowed: str, host: str, origin: str, is_taken: bool
) -> None:
    client = served_at(allowed)
    client.get("/sign-in/", secure=True, headers={"host": host})
    token = client.cookies["csrftoken"].value

    answer = client.post(
        "/sign-in/", {"email": "erika@example.com", "csrfmiddlewaretoken": token},
        secure=True, headers={"host": host, "origin": origin},
    )  # fmt: skip

    assert (answer.status_code == 302) is is_taken
