"""Staff and groups in the admin: for superusers, and who becomes what."""

import getpass
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from auditlog.models import AuditEntry
from customers.models import BackfillRun, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import EVERYTHING, audited, client_of, errors_on, member_of_staff
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
    import_module("customers.migrations.0014_mappings").permit(apps, None)
    import_module("customers.migrations.0017_control").permit(apps, None)

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
    assert audited("user.rights")[0].data == {"granted": ["sign in"], "withdrawn": []}


def test_a_superuser_gives_the_group_and_that_is_audited(superuser: User) -> None:
    import_module("customers.migrations.0005_superadmin").make(apps, None)
    import_module("customers.migrations.0014_mappings").permit(apps, None)
    group = Group.objects.get(name="superadmin")
    member = member_of_staff()

    client_of(superuser).post(
        f"{STAFF}{member.pk}/change/",
        {"email": member.email, "display_name": "Sam", "is_active": "on", "groups": [group.pk]},
    )

    assert list(member.groups.all()) == [group]
    assert "Groups" in audited("user.changed")[0].data["fields"]
    [entry] = audited("user.rights")
    assert (entry.actor, entry.subject) == (f"staff:{superuser.pk}", f"user:{member.pk}")
    assert entry.data == {"granted": ["group superadmin"], "withdrawn": []}


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
    made = User.objects.get(email="root@operator.example")
    [entry] = audited("user.rights")
    assert made.is_superuser
    assert entry.actor.startswith("cli:")
    assert entry.subject == f"user:{made.pk}"
    assert entry.data["granted"] == ["sign in", "superuser"]
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


# --- Which rights, to whom ---------------------------------------------------------------------------


def test_what_is_taken_away_is_named_too(superuser: User) -> None:
    group = Group.objects.create(name="support")
    member = member_of_staff()
    member.groups.add(group)
    User.objects.filter(pk=member.pk).update(is_superuser=True)

    client_of(superuser).post(f"{STAFF}{member.pk}/change/", {"email": member.email})

    [entry] = audited("user.rights")
    assert entry.data == {"granted": [], "withdrawn": ["group support", "sign in", "superuser"]}


def test_a_change_of_something_else_is_no_change_of_rights(superuser: User) -> None:
    member = member_of_staff()

    client_of(superuser).post(
        f"{STAFF}{member.pk}/change/", {"email": member.email, "display_name": "Samira", "is_active": "on"}
    )

    assert audited("user.changed")
    assert not audited("user.rights")
    assert "Samira" not in str(AuditEntry.objects.values())


def test_what_a_group_gives_is_named_by_its_codename(superuser: User) -> None:
    client = client_of(superuser)
    see, run = (Permission.objects.get(codename=name).pk for name in ("view_customer", "run_backfill"))
    client.post("/admin/auth/group/add/", {"name": "support", "permissions": [see]})
    group = Group.objects.get(name="support")

    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "support", "permissions": [run]})

    changed, added = audited("group.rights")
    assert {added.subject, changed.subject} == {f"group:{group.pk}"}
    assert added.data == {"granted": ["view_customer"], "withdrawn": []}
    assert changed.data == {"granted": ["run_backfill"], "withdrawn": ["view_customer"]}


def test_a_password_that_a_superuser_sets_is_audited(superuser: User) -> None:
    member = member_of_staff()
    password = "a-long-enough-Passphrase-7"

    client_of(superuser).post(
        f"{STAFF}{member.pk}/password/",
        {"usable_password": "true", "password1": password, "password2": password},
    )

    member.refresh_from_db()
    [entry] = audited("user.changed")
    assert member.check_password(password)
    assert (entry.subject, entry.data) == (f"user:{member.pk}", {"fields": ["password"]})


@pytest.mark.parametrize(("old", "entries"), [("correct-horse-battery", 1), ("wrong", 0)])
def test_a_password_that_somebody_changes_themselves_is_audited(
    superuser: User, old: str, entries: int
) -> None:
    new = "a-long-enough-Passphrase-7"

    client_of(superuser).post(
        "/admin/password_change/", {"old_password": old, "new_password1": new, "new_password2": new}
    )

    superuser.refresh_from_db()
    assert superuser.check_password(new) is bool(entries)
    assert [entry.subject for entry in audited("user.changed")] == [f"user:{superuser.pk}"] * entries


def test_nobody_changes_a_password_without_signing_in() -> None:
    assert Client().get("/admin/password_change/")["Location"].startswith("/admin/login/")


def test_a_password_changed_by_a_command_is_audited(superuser: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "a-long-enough-Passphrase-7")

    call_command("changepassword", superuser.email)

    superuser.refresh_from_db()
    [entry] = audited("user.changed")
    assert superuser.check_password("a-long-enough-Passphrase-7")
    assert entry.actor.startswith("cli:")
    assert (entry.subject, entry.data) == (f"user:{superuser.pk}", {"fields": ["password"]})
