"""What 1.0 stored with capitals is put right, in any database, and the links that are on their way live on."""

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils import timezone

from customers.models import BackfillRun, FormerSpelling, User
from customers.sign_in import links
from tests.customers.factories import customer
from tests.customers.imported_runs import customers_of, make_run
from tests.customers.sign_in.test_links import invited, make_request, requested

pytestmark = pytest.mark.django_db
MIGRATION = import_module("customers.migrations.0009_addresses_are_logins")
GUARD = 'CHECK (email = lower(email COLLATE "C"))'


def run_sql(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture(autouse=True)
def before(db: None) -> Iterator[None]:
    """The table as it was: capitals are possible."""
    run_sql("ALTER TABLE customers_user DROP CONSTRAINT customers_user_email_lower")
    yield
    run_sql("SET CONSTRAINTS ALL IMMEDIATE")
    run_sql(f"ALTER TABLE customers_user ADD CONSTRAINT customers_user_email_lower {GUARD}")


def of_1_0(number: int, email: str) -> User:
    user = customer(number)
    User.objects.filter(pk=user.pk).update(email=email)
    user.refresh_from_db()
    return user


def migrate() -> None:
    with connection.schema_editor(atomic=False) as editor:
        MIGRATION.lower(apps, editor)


def migrate_back() -> None:
    with connection.schema_editor(atomic=False) as editor:
        MIGRATION.capitals_again(apps, editor)


def emails() -> list[str]:
    return list(User.objects.order_by("pk").values_list("email", flat=True))


# --- Put right ---------------------------------------------------------------------------------------


def test_capitals_go_and_the_former_spelling_is_kept_for_the_links() -> None:
    of_1_0(1, "Ann@Example.COM")
    of_1_0(2, "bob@example.com")

    migrate()

    assert emails() == ["ann@example.com", "bob@example.com"]
    assert list(FormerSpelling.objects.values_list("email", flat=True)) == ["Ann@Example.COM"]


def test_letters_that_the_database_does_not_see_as_the_platform_does_are_put_right_too() -> None:
    for number, email in enumerate(["İDA@example.com", "ΟΔΟΣ@example.com", "Ann@MÜLLER.de"]):
        of_1_0(number, email)

    migrate()

    assert emails() == ["i\u0307da@example.com", "οδος@example.com", "ann@müller.de"]
    assert FormerSpelling.objects.count() == 3


def test_an_address_whose_lower_case_is_somebody_else_s_keeps_the_letters_in_dispute() -> None:
    of_1_0(1, "ΟΔΟΣ@Example.com")  # for PostgreSQL its σ is not the one of the other
    of_1_0(2, "οδος@example.com")

    migrate()

    assert emails() == ["ΟΔΟΣ@example.com", "οδος@example.com"]


def test_an_address_that_would_become_too_long_stays() -> None:
    long = f"{'İ' * 200}@example.com"
    of_1_0(1, long)

    migrate()

    assert emails() == [long]


def test_people_whom_only_a_turkish_locale_tells_apart_are_named_by_number() -> None:
    run_sql("DROP INDEX customers_user_email_unique")  # theirs would let both in
    users = of_1_0(1, "IDA@example.com"), of_1_0(2, "ida@example.com")
    run_sql(f"UPDATE customers_user SET email = 'IDA@example.com' WHERE id = {users[0].pk}")

    with pytest.raises(RuntimeError, match=rf"numbered {users[0].pk}:") as caught:
        MIGRATION._lower_one(User.objects, users[0], FormerSpelling)
        MIGRATION._refuse_twins(User.objects)

    assert "ida" not in str(caught.value)
    users[0].delete()


def test_the_way_back_gives_the_capitals_back_but_to_whom_has_another_address_by_now() -> None:
    of_1_0(1, "Ann@Example.com")
    moved = of_1_0(2, "Bob@Example.com")
    migrate()
    User.objects.filter(pk=moved.pk).update(email="other@example.com")

    migrate_back()

    assert set(emails()) == {"Ann@Example.com", "other@example.com"}
    FormerSpelling.objects.all().delete()  # the table goes on the way back
    migrate()


# --- Links that were made before ---------------------------------------------------------------------


def erika() -> tuple[User, BackfillRun]:
    run = make_run(1)
    user = customers_of(run)[0]
    User.objects.filter(pk=user.pk).update(email="Erika@Example.com")
    user.refresh_from_db()
    return user, run


def test_links_on_their_way_work_once_and_lead_to_the_address_of_now() -> None:
    user, run = erika()
    own, (invitation, _) = requested(user), invited(user, run)

    migrate()

    found = links.resolve(own)
    assert found is not None
    assert found.user.email == "erika@example.com"
    assert [links.use(make_request(), token) for token in (invitation, invitation, own)] == [user, None, None]


def test_links_made_before_and_after_live_side_by_side() -> None:
    user, _ = erika()
    before = requested(user)
    migrate()
    user.refresh_from_db()

    assert links.resolve(before)
    assert links.resolve(requested(user))


def test_a_link_made_before_is_dead_once_the_address_is_another_one() -> None:
    user, _ = erika()
    before = requested(user)
    migrate()
    User.objects.filter(pk=user.pk).update(email="other@example.com")

    assert links.resolve(before) is None


def test_a_customer_who_was_deactivated_does_not_sign_in_by_an_old_link() -> None:
    user, _ = erika()
    before = requested(user)
    migrate()
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert links.use(make_request(), before) is None


def test_a_former_spelling_is_forgotten_when_no_link_can_be_that_old() -> None:
    erika()
    of_1_0(2, "Ann@Example.com")
    migrate()
    old = timezone.now() - settings.SESAME_MAX_AGE - timedelta(minutes=1)
    FormerSpelling.objects.filter(email="Ann@Example.com").update(at=old)

    links.forget_former_spellings()

    assert [one.email for one in FormerSpelling.objects.all()] == ["Erika@Example.com"]
