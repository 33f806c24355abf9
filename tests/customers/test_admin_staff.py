"""Staff and groups in the admin: for superusers, and who becomes what."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from billing.sandbox import Sandbox
from customers.models import BackfillRun, User
from tests.customers.admin_world import EVERYTHING, audited, client_of, errors_on, member_of_staff
from tests.customers.factories import imported, row, rows

pytestmark = pytest.mark.django_db

STAFF = "/admin/customers/user/"


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("root@operator.example", "correct-horse-battery")


@pytest.fixture
def run(lago: Sandbox) -> BackfillRun:
    report = imported([*rows(3), row(3, id_tag="SECONDCARD")])
    assert report.run is not None
    return report.run


def customer(number: int = 1) -> User:
    return User.objects.get(external_id=f"C-{number}")


def test_the_group_superadmin_has_every_permission_of_the_console(db: None) -> None:
    Group.objects.all().delete()

    import_module("customers.migrations.0005_superadmin").make(apps, None)

    group = Group.objects.get(name="superadmin")
    assert set(group.permissions.values_list("codename", flat=True)) == set(EVERYTHING)


def test_a_superuser_makes_staff_who_are_staff_from_the_start(superuser: User) -> None:
    client = client_of(superuser)
    password = "a-long-enough-Passphrase-7"

    answer = client.post(
        f"{STAFF}add/",
        {
            "email": "new@operator.example", "display_name": "New", "usable_password": "true",
            "password1": password, "password2": password,
        },
    )  # fmt: skip

    assert answer.status_code == 302, errors_on(answer)
    made = User.objects.get(email="new@operator.example")
    assert (made.role, made.is_superuser, made.check_password(password)) == ("staff", False, True)
    assert audited("user.added")[0].subject == f"user:{made.pk}"


def test_a_superuser_gives_the_group_and_that_is_audited(superuser: User) -> None:
    import_module("customers.migrations.0005_superadmin").make(apps, None)
    group = Group.objects.get(name="superadmin")
    member = member_of_staff()

    client_of(superuser).post(
        f"{STAFF}{member.pk}/change/",
        {"email": member.email, "display_name": "Sam", "is_active": "on", "groups": [group.pk]},
    )

    assert list(member.groups.all()) == [group]
    assert "Groups" in audited("user.changed")[0].data["fields"]


def test_a_superuser_cannot_lock_themselves_out(superuser: User) -> None:
    client_of(superuser).post(f"{STAFF}{superuser.pk}/change/", {"email": superuser.email})

    superuser.refresh_from_db()
    assert superuser.is_active
    assert superuser.is_superuser


def test_staff_are_never_deleted(superuser: User) -> None:
    member = member_of_staff()

    assert client_of(superuser).post(f"{STAFF}{member.pk}/delete/", {"post": "yes"}).status_code == 403


def test_customers_are_not_reached_through_the_page_of_staff(superuser: User, run: BackfillRun) -> None:
    assert client_of(superuser).get(f"{STAFF}{customer().pk}/change/").status_code == 302


def test_createsuperuser_says_what_it_gives(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("createsuperuser", "--email", "root@operator.example", "--noinput")

    told = capsys.readouterr().out
    assert User.objects.get(email="root@operator.example").is_superuser
    assert "superadmin" in told
    assert "/admin/" in told


def test_a_group_is_given_rights_of_the_console_only(superuser: User) -> None:
    client = client_of(superuser)
    rights = Permission.objects.filter(codename="view_customer")

    page = client.get("/admin/auth/group/add/")
    client.post("/admin/auth/group/add/", {"name": "support", "permissions": [rights[0].pk]})

    offered = page.context["adminform"].form.fields["permissions"].queryset
    assert set(offered.values_list("codename", flat=True)) == set(EVERYTHING)
    assert list(Group.objects.get(name="support").permissions.all()) == list(rights)
