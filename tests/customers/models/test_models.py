"""The invariants of people, idTags and runs, each broken once past Django: the database holds them."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, User
from tests.customers.factories import customer, mapping, staff

pytestmark = pytest.mark.django_db


def refusal_of(sql: str, *values: object) -> str:
    """How the database refuses a statement."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    return str(caught.value)


# --- User --------------------------------------------------------------------------------------------

BROKEN_USERS = {
    "customers_user_email_unique": "email = 'customer1@example.com'",
    "customers_user_email_lower": "email = 'Other@example.com'",
    "customers_user_email_given": "email = ''",
    "customers_user_external_id_unique": "external_id = 'c-1'",
    "customers_user_external_id_given": "external_id = ''",
    "customers_user_customer_is_no_staff": "is_superuser = true",
}


@pytest.mark.parametrize("constraint", BROKEN_USERS)
def test_a_customer_is_kept_whole(constraint: str) -> None:
    customer(1)
    customer(2)

    told = refusal_of(f"UPDATE customers_user SET {BROKEN_USERS[constraint]} WHERE external_id = 'C-2'")

    assert constraint in told


def test_whoever_is_made_is_found_in_any_capitals_and_stored_in_none() -> None:
    made = [
        User.objects.create_user(" Ann@Example.com "),
        User.objects.create_superuser("ROOT@x.de", "long pass"),
    ]

    assert [user.email for user in made] == ["ann@example.com", "root@x.de"]
    assert User.objects.get_by_natural_key("aNN@EXAMPLE.com") == made[0]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("İDA@example.com", "i̇da@example.com"),
        ("ΟΔΟΣ@example.com", "οδος@example.com"),
        ("ann@MÜLLER.DE", "ann@müller.de"),
        ("ann@STRAẞE.DE", "ann@straße.de"),
    ],
)
def test_letters_that_the_database_sees_otherwise_are_found_too(typed: str, stored: str) -> None:
    user = User.objects.create_user(typed)

    assert user.email == stored
    assert User.objects.with_address(typed).get() == user
    assert User.objects.with_address(stored).get() == user


def test_an_address_is_not_another_one_whose_letters_only_look_alike() -> None:
    User.objects.create_user("ida@example.com")

    assert not User.objects.with_address("ıda@example.com").exists()  # its capital is an I, too
    assert not User.objects.with_address("İda@example.com").exists()


def test_what_is_wrong_with_capitals_is_told_in_words() -> None:
    user = User(email="Ann@example.com")

    with pytest.raises(ValidationError) as caught:
        user.validate_constraints()

    assert "Write the address in lower case" in str(caught.value)


def test_staff_is_never_a_customer() -> None:
    staff()

    told = refusal_of("UPDATE customers_user SET external_id = 'C-9'")

    assert "customers_user_staff_is_no_customer" in told


def test_there_are_only_two_roles() -> None:
    with pytest.raises(IntegrityError, match="customers_user_role_known"):
        customer(1, role="owner")


def test_customers_without_external_id_do_not_collide() -> None:
    customer(1, external_id=None)
    customer(2, external_id=None)

    assert User.objects.filter(external_id=None).count() == 2


@pytest.mark.parametrize("replication_role", ["origin", "replica"])
@pytest.mark.parametrize(("born", "wanted"), [("customer", "staff"), ("staff", "customer")])
def test_a_role_is_fixed_at_birth(born: str, wanted: str, replication_role: str) -> None:
    User.objects.create_user("ann@example.com", role=born)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL session_replication_role = {replication_role}")

    assert "the role of a user is fixed" in refusal_of("UPDATE customers_user SET role = %s", wanted)


def test_a_customer_gets_neither_group_nor_permission() -> None:
    user = customer()

    with pytest.raises(IntegrityError, match="groups and permissions are for staff"), transaction.atomic():
        user.groups.add(Group.objects.create(name="admins"))
    with pytest.raises(IntegrityError, match="groups and permissions are for staff"), transaction.atomic():
        user.user_permissions.add(Permission.objects.all()[0])


def test_a_group_of_staff_is_not_handed_to_a_customer() -> None:
    member, user = staff(), customer()
    member.groups.add(Group.objects.create(name="admins"))

    told = refusal_of("UPDATE customers_user_groups SET user_id = %s", user.pk)

    assert "groups and permissions are for staff" in told


def test_staff_gets_groups_and_permissions() -> None:
    member = staff()

    member.groups.add(Group.objects.create(name="admins"))
    member.user_permissions.add(Permission.objects.all()[0])

    assert member.groups.count() == member.user_permissions.count() == 1


def test_a_superuser_is_staff_and_a_customer_is_not() -> None:
    superuser = User.objects.create_superuser("root@example.com", "correct horse battery")

    assert (superuser.is_staff, superuser.is_superuser) == (True, True)
    assert not customer().is_staff


def test_a_customer_has_no_password_and_is_found_in_any_capitals() -> None:
    user = customer()

    assert not user.has_usable_password()
    assert User.objects.get_by_natural_key("CUSTOMER1@EXAMPLE.COM") == user


def test_nothing_shows_an_address_or_an_id_tag_by_itself() -> None:
    unnamed = customer(1, display_name="", external_id=None)

    assert str(unnamed) == f"customer {unnamed.pk}"
    assert str(mapping(customer(2), id_tag="A1B2C3D4")) == "A1B2…"


# --- IdTagMapping ------------------------------------------------------------------------------------

BROKEN_MAPPINGS = {
    "customers_mapping_id_tag_unique": "id_tag = 'tag0001'",
    "customers_mapping_id_tag_valid": "id_tag = 'no tag'",
    "customers_mapping_active_is_billed": "lago_subscription_external_id = ''",
    "customers_mapping_steve_pk_unique": "steve_ocpp_tag_pk = 7",
}


@pytest.mark.parametrize("constraint", BROKEN_MAPPINGS)
def test_a_mapping_is_kept_whole(constraint: str) -> None:
    owner = customer()
    mapping(owner, 1, steve_ocpp_tag_pk=7)
    mapping(owner, 2)

    told = refusal_of(
        f"UPDATE customers_idtagmapping SET {BROKEN_MAPPINGS[constraint]} WHERE id_tag = 'TAG0002'"
    )

    assert constraint in told


@pytest.mark.parametrize("id_tag", ["", "a" * 21, "Ä", "A1B2\n"])
def test_what_is_no_id_tag_is_refused(id_tag: str) -> None:
    mapping(customer(), 1)

    told = refusal_of("UPDATE customers_idtagmapping SET id_tag = %s", id_tag)

    assert "customers_mapping_id_tag_valid" in told or "too long" in told


def test_a_customer_with_a_mapping_is_not_removed() -> None:
    user = customer()
    mapping(user)

    with pytest.raises(ProtectedError):
        user.delete()
    assert "foreign key" in refusal_of("DELETE FROM customers_user; SET CONSTRAINTS ALL IMMEDIATE")


# --- Runs, rows and steps ----------------------------------------------------------------------------


def run(**changes: Any) -> BackfillRun:
    fields = {"run_id": "20261122-170501-7f3a", "actor": "cli:ann", "input_sha256": "a" * 64}
    return BackfillRun.objects.create(**(fields | changes))


def test_a_file_has_one_unfinished_run() -> None:
    run(status="interrupted")

    with pytest.raises(IntegrityError, match="customers_run_one_unfinished_per_file"):
        run(run_id="another", status="queued")


@pytest.mark.parametrize("status", ["succeeded", "abandoned", "reverting", "reverted"])
def test_finished_runs_do_not_count(status: str) -> None:
    run(status=status)

    assert run(run_id="another").pk
    assert [one.run_id for one in BackfillRun.objects.unfinished()] == ["another"]


def test_a_run_id_is_given_once() -> None:
    run(status="succeeded")

    with pytest.raises(IntegrityError, match="run_id"):
        run(input_sha256="b" * 64)


def test_a_status_is_one_of_ours() -> None:
    with pytest.raises(IntegrityError, match="customers_run_status_known"):
        run(status="sleeping")


def test_a_line_has_one_row() -> None:
    one = run()
    BackfillRow.objects.create(run=one, line=2)

    with pytest.raises(IntegrityError, match="customers_row_one_per_line"):
        BackfillRow.objects.create(run=one, line=2)


def test_an_outcome_is_one_of_ours() -> None:
    with pytest.raises(IntegrityError, match="customers_row_outcome_known"):
        BackfillRow.objects.create(run=run(), line=2, outcome="maybe")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"state": "created"}, "customers_step_created_is_known_by_ref"),
        ({"state": "intended"}, "customers_step_intended_says_when"),
        ({"name": "lago_customer"}, "customers_step_once_per_row"),
        ({"state": "done"}, "customers_step_state_known"),
    ],
)
def test_a_step_is_kept_whole(fields: dict[str, str], constraint: str) -> None:
    row = BackfillRow.objects.create(run=run(), line=2)
    BackfillStep.objects.create(row=row, name="lago_customer")

    with pytest.raises(IntegrityError, match=constraint):
        BackfillStep.objects.create(**({"row": row, "name": "user"} | fields))


def test_a_step_may_be_of_a_kind_that_needs_no_migration() -> None:
    row = BackfillRow.objects.create(run=run(), line=2)

    BackfillStep.objects.create(row=row, name="crm_contact")

    assert row.steps.get().name == "crm_contact"


def test_a_step_that_is_intended_or_created_can_be_looked_up() -> None:
    row = BackfillRow.objects.create(run=run(), line=2)

    BackfillStep.objects.create(row=row, name="user", state="created", ref="7")
    BackfillStep.objects.create(row=row, name="lago_customer", state="intended", intended_at=timezone.now())

    assert row.steps.count() == 2


def test_the_ledger_outlives_what_it_tells_of() -> None:
    user = customer()
    row = BackfillRow.objects.create(run=run(), line=2, user=user, mapping=mapping(user))

    IdTagMapping.objects.all().delete()
    user.delete()

    row.refresh_from_db()
    assert (row.user, row.mapping) == (None, None)
