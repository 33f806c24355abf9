"""Guessing the password of a member of staff, over HTTP."""

import threading
from datetime import timedelta

import pytest
import requests
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from auditlog.models import AuditEntry
from customers.models import ThrottleMark, User
from customers.sign_in.passwords import PER_CLIENT

LOGIN = "/admin/login/"
NAME = "sam@operator.example"
PASSWORD = "correct-horse-battery"
LIMIT = 10
PROXIED = {"X-Forwarded-For": "203.0.113.9"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.TRUSTED_PROXY_COUNT = 0


@pytest.fixture
def sam() -> User:
    return User.objects.create_user(NAME, PASSWORD, role=User.Role.STAFF)


def sign_in(client: Client, name: str = NAME, password: str = PASSWORD, **headers: str) -> int:
    answer = client.post(LOGIN, {"username": name, "password": password}, headers=headers)
    return answer.status_code


def guess(client: Client, times: int, name: str = NAME, **headers: str) -> list[int]:
    return [sign_in(client, name, f"wrong-{number}", **headers) for number in range(times)]


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def spelt(number: int) -> str:
    """Give one of the ways to write the name that all sign in: by capitals."""
    return "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate(NAME))


def test_a_login_leads_to_the_overview_also_where_no_page_was_asked_for(client: Client, sam: User) -> None:
    answer = client.post(LOGIN, {"username": NAME, "password": PASSWORD}, follow=True)

    assert answer.redirect_chain == [("/admin/", 302)]
    assert answer.status_code == 200


def test_a_login_leads_to_the_page_that_was_asked_for(client: Client, sam: User) -> None:
    answer = client.post(f"{LOGIN}?next=/admin/password_change/", {"username": NAME, "password": PASSWORD})

    assert answer["Location"] == "/admin/password_change/"


def test_ten_wrong_passwords_are_enough(client: Client, sam: User) -> None:
    statuses = guess(client, LIMIT)

    assert statuses == [200] * (LIMIT - 1) + [429]
    assert sign_in(client) == 429
    assert not is_in(client)


def test_other_capitals_are_the_same_account(client: Client, sam: User) -> None:
    statuses = [sign_in(client, spelt(number), "wrong") for number in range(99)]

    assert statuses == [200] * (LIMIT - 1) + [429] * (99 - LIMIT + 1)
    assert sign_in(client, NAME.upper()) == 429
    assert not is_in(client)


@pytest.mark.parametrize(
    "variant",
    [f"  {NAME}", f"{NAME}\t", f"\u3000{NAME}", NAME.replace("s", "\uff53", 1), NAME.replace("@", "\uff20"),
     NAME.replace("s", "\u017f", 1)],
    ids=["blank", "tab", "wide blank", "wide letter", "wide at", "long s"],
)  # fmt: skip
def test_every_spelling_that_signs_in_is_counted_as_the_account(
    variant: str, client: Client, sam: User
) -> None:
    guess(client, LIMIT, variant)
    shut_out = sign_in(client)
    call_command("axes_reset", verbosity=0)

    assert shut_out == 429
    assert sign_in(client, variant) == 302, "the spelling does not sign in: it proves nothing"


def test_a_name_that_nobody_has_is_locked_the_same_way(client: Client) -> None:
    statuses = [
        sign_in(client, name, "wrong")
        for name in ("nobody@operator.example", "NOBODY@operator.example") * (LIMIT // 2)
    ]

    assert statuses == [200] * (LIMIT - 1) + [429]


def test_the_lock_out_says_how_long_and_to_nobody_whether_there_is_such_an_account(
    client: Client, sam: User
) -> None:
    guess(client, LIMIT)
    guess(client, LIMIT, "nobody@operator.example")

    pages = [
        client.post(LOGIN, {"username": name, "password": PASSWORD}).content
        for name in (NAME, "nobody@operator.example")
    ]

    assert b"15 minutes" in pages[0]
    assert pages[0] == pages[1]


def test_a_right_password_in_between_starts_the_count_anew(client: Client, sam: User) -> None:
    guess(client, LIMIT - 1)
    between = sign_in(client)
    again = guess(Client(), LIMIT - 1)

    assert between == 302
    assert again == [200] * (LIMIT - 1)


def test_a_lock_out_ends(client: Client, sam: User, settings: Settings) -> None:
    guess(client, LIMIT)
    ThrottleMark.objects.update(at=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))

    assert sign_in(client) == 302


@pytest.mark.parametrize("command", [("axes_reset",), ("axes_reset_username", NAME.upper())])
def test_an_operator_can_end_it_by_a_command(command: tuple[str, ...], client: Client, sam: User) -> None:
    guess(client, LIMIT)
    guess(client, LIMIT, "nobody@operator.example")

    call_command(*command, verbosity=0)

    assert sign_in(client) == 302


def test_a_client_cannot_go_through_many_accounts(client: Client, sam: User) -> None:
    statuses = [sign_in(client, f"{number}@operator.example", "wrong") for number in range(PER_CLIENT)]
    of_sam = sign_in(client)
    call_command("axes_reset_ip", "127.0.0.1", verbosity=0)

    assert statuses == [200] * (PER_CLIENT - 1) + [429]
    assert of_sam == 429
    assert sign_in(client) == 302


def test_right_passwords_do_not_count_for_the_client(sam: User) -> None:
    statuses = [sign_in(Client()) for _ in range(PER_CLIENT + 1)]

    assert statuses == [302] * (PER_CLIENT + 1)


def test_guessing_from_elsewhere_does_not_lock_a_client_that_can_be_told(
    client: Client, sam: User, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = 1

    guess(Client(), LIMIT, **{"X-Forwarded-For": "198.51.100.7"})

    assert sign_in(client, **PROXIED) == 302


# --- Behind a proxy that nobody told us of -----------------------------------------------------------


@pytest.fixture
def untold(settings: Settings) -> None:
    settings.TRUSTED_PROXY_COUNT = None


@pytest.mark.usefixtures("untold")
def test_a_stranger_does_not_shut_out_a_browser_that_signed_in_before(sam: User) -> None:
    known, stranger, new = Client(), Client(), Client()
    sign_in(known, **PROXIED)
    known.post("/account/sign-out/")

    guess(stranger, LIMIT, **PROXIED)

    assert sign_in(known, **PROXIED) == 302
    assert sign_in(new, **PROXIED) == 429


@pytest.mark.usefixtures("untold")
def test_a_stranger_locks_no_other_account(client: Client, sam: User) -> None:
    for number in range(PER_CLIENT + 1):
        sign_in(Client(), f"{number}@operator.example", "wrong", **PROXIED)

    assert sign_in(client, **PROXIED) == 302


def test_a_known_browser_has_as_many_guesses_as_anybody(client: Client, sam: User) -> None:
    sign_in(client)
    client.post("/account/sign-out/")

    statuses = guess(client, LIMIT)

    assert statuses == [200] * (LIMIT - 1) + [429]
    assert sign_in(client) == 429
    assert sign_in(Client()) == 302


def test_the_cookie_of_one_account_is_worth_nothing_for_another(client: Client, sam: User) -> None:
    eve = User.objects.create_user("eve@operator.example", PASSWORD, role=User.Role.STAFF)
    sign_in(client, eve.email)
    client.cookies[f"known-device-{sam.pk}"] = client.cookies[f"known-device-{eve.pk}"].value

    guess(Client(), LIMIT)

    assert sign_in(client) == 429


def test_the_cookie_is_for_the_login_alone_and_out_of_reach_of_scripts(client: Client, sam: User) -> None:
    sign_in(client)

    cookie = client.cookies[f"known-device-{sam.pk}"]

    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (LOGIN, True, "Strict")


def test_who_signs_in_by_a_link_gets_no_such_cookie(client: Client) -> None:
    customer = User.objects.create_user("erika@example.com")

    client.force_login(customer, backend="django.contrib.auth.backends.ModelBackend")
    client.get("/account/")

    assert not [name for name in client.cookies if name.startswith("known-device")]


# --- Many at once ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_guesses_at_once_do_not_get_past_the_limit(live_server: LiveServer, sam: User) -> None:
    address, gate, statuses = f"{live_server.url}{LOGIN}", threading.Barrier(24), []

    def guess_once(number: int) -> None:
        with requests.Session() as session:
            session.get(address)
            form = {"username": NAME, "password": f"wrong-{number}"}
            gate.wait()
            sent = session.post(address, {**form, "csrfmiddlewaretoken": session.cookies["csrftoken"]})
            statuses.append(sent.status_code)

    threads = [threading.Thread(target=guess_once, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(statuses) == 24
    assert AuditEntry.objects.filter(action="sign_in.failed").count() == LIMIT
    marks = ThrottleMark.objects.filter(bucket__startswith="password:")
    assert marks.exclude(bucket__endswith=":locked").count() == LIMIT


# --- What is written down of it ----------------------------------------------------------------------


def noted() -> list[tuple[str, str, str, object]]:
    entries = AuditEntry.objects.order_by("id")
    return [(entry.actor, entry.action, entry.subject, entry.data) for entry in entries]


def test_a_sign_in_is_in_the_audit_log(client: Client, sam: User) -> None:
    sign_in(client)
    sign_in(client)

    who, whom = f"staff:{sam.pk}", f"user:{sam.pk}"
    assert noted() == [
        (who, "sign_in.by_password", whom, {"known_device": False}),
        (who, "sign_in.by_password", whom, {"known_device": True}),
    ]


def test_failures_and_the_lock_out_are_in_the_audit_log_and_end(client: Client, sam: User) -> None:
    guess(client, LIMIT + 20)

    whom = f"user:{sam.pk}"
    assert noted() == [
        *[("anonymous", "sign_in.failed", whom, {})] * LIMIT,
        ("anonymous", "sign_in.locked_out", whom, {}),
    ]


@pytest.mark.parametrize("command", [("axes_reset",), ("axes_reset_username", NAME)])
def test_a_lock_out_after_a_reset_is_noted_again(client: Client, sam: User, command: tuple[str, ...]) -> None:
    guess(client, LIMIT + 5)
    call_command(*command, verbosity=0)
    guess(client, LIMIT + 5)

    locked = AuditEntry.objects.filter(action="sign_in.locked_out").values_list("subject", flat=True)
    assert list(locked) == [f"user:{sam.pk}"] * 2


def test_a_known_browser_that_is_locked_out_is_noted_by_itself(client: Client, sam: User) -> None:
    sign_in(client)
    del client.cookies["sessionid"]
    guess(Client(), LIMIT + 5)
    guess(client, LIMIT + 5)

    assert AuditEntry.objects.filter(action="sign_in.locked_out", subject=f"user:{sam.pk}").count() == 2


def test_of_unknown_names_the_audit_log_holds_a_digest_and_not_without_end(
    client: Client, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = None

    for number in range(50):
        sign_in(client, f"nobody-{number}@operator.example", "wrong", **PROXIED)

    assert AuditEntry.objects.filter(action="sign_in.failed").count() == 30
    assert "nobody" not in str(AuditEntry.objects.values())
    assert AuditEntry.objects.first().subject.startswith("account:")  # type: ignore[union-attr]


def test_a_client_that_is_locked_is_named_by_a_digest(client: Client) -> None:
    for number in range(PER_CLIENT + 5):
        sign_in(client, f"nobody-{number}@operator.example", "wrong")

    [entry] = AuditEntry.objects.filter(action="sign_in.locked_out")
    assert entry.subject.startswith("password-client:")
    assert "127.0.0.1" not in str(AuditEntry.objects.values())


def test_nothing_that_counts_holds_an_address(client: Client, sam: User) -> None:
    guess(client, LIMIT)

    assert "sam" not in str(ThrottleMark.objects.values())
    assert "127.0" not in str(ThrottleMark.objects.values())
