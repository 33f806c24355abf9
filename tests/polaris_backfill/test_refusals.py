"""What is refused gets a page that says why and leads on, for customers and for staff."""

import pytest
from django.test import Client

from customers.models import BackfillRun, User
from tests.customers.admin.world import client_of, member_of_staff, run_url, words_of
from tests.customers.imported_runs import make_run

pytestmark = pytest.mark.django_db

ADMIN, CUSTOMERS = "/admin/customers/backfillrun/import/", "/sign-in/"


@pytest.fixture
def run(db: None) -> BackfillRun:
    return make_run()


def test_who_lacks_a_right_is_told_which_and_stays_in_the_console(run: BackfillRun) -> None:
    client = client_of(member_of_staff("view_backfillrun"))

    answer = client.get(run_url(run, "revert"))

    words = words_of(answer)
    assert answer.status_code == 403
    assert "This is not open to you It needs the right to revert. A superuser can give it to you." in words
    assert 'id="nav-sidebar"' in answer.content.decode()


def test_a_right_that_django_asks_for_is_told_too() -> None:
    answer = client_of(member_of_staff()).get("/admin/customers/customer/")

    assert answer.status_code == 403
    assert "It needs a right that you do not have." in words_of(answer)


def test_a_page_that_is_not_there_is_said_to_staff_and_to_customers() -> None:
    staff = client_of(User.objects.create_superuser("root@operator.example"))

    for client, path in ((staff, "/admin/nothing/"), (Client(), "/nothing/")):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "Page not found There is no such page." in words_of(answer)


@pytest.mark.parametrize(
    ("path", "way", "told"),
    [
        (ADMIN, "Overview", "The command backfill_customers takes larger ones."),
        (CUSTOMERS, "Your account", ""),
    ],
)
def test_a_body_that_is_too_large_gets_a_page(path: str, way: str, told: str) -> None:
    answer = Client().post(path, CONTENT_LENGTH=str(2**30))

    words = words_of(answer)
    assert answer.status_code == 413
    assert f"A file may have 20 MB here, and nothing of yours was kept. {told}" in f"{words} "
    assert way in words


def test_a_request_of_another_host_gets_a_page() -> None:
    answer = Client().get("/admin/", headers={"host": "bad host"})

    assert answer.status_code == 400
    assert "This address cannot be read Nothing was done." in words_of(answer)
