"""Addresses in lower case. Who had capitals keeps the former spelling for as long as links signed over it live."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Collate, Lower, Now

PLAIN = Lower(Collate("email", "C"))  # A to Z only, and the same in every database
BEYOND_PLAIN = Q(email__regex="[^\x01-\x7f]")
LONGEST = 254

# Where the database takes both spellings for one, as its unique index does, nobody can have the other one.
SAFE = """email <> lower(email COLLATE "C") AND lower(email) = lower(lower(email COLLATE "C") COLLATE "default")"""


def lower(apps, schema_editor):
    schema_editor.execute(
        "INSERT INTO customers_formerspelling (user_id, email)"
        f" SELECT id, email FROM customers_user WHERE {SAFE}"
    )
    schema_editor.execute(f'UPDATE customers_user SET email = lower(email COLLATE "C") WHERE {SAFE}')
    users = apps.get_model("customers", "User").objects
    for user in users.filter(BEYOND_PLAIN | ~Q(email=PLAIN)).order_by("pk"):
        _lower_one(users, user, apps.get_model("customers", "FormerSpelling"))
    _refuse_twins(users)


def _lower_one(users, user, former_spellings):
    """Take one whose letters Python and the database may see differently; it stays if that is somebody's."""
    login = user.email.lower()
    taken = users.alias(key=Lower("email")).filter(key__in=[Lower(Value(login)), login]).exclude(pk=user.pk)
    if login == user.email or len(login) > LONGEST or taken.exists():
        return
    former_spellings.objects.get_or_create(user=user, defaults={"email": user.email})
    users.filter(pk=user.pk).update(email=login)


def _refuse_twins(users):
    """Only a Turkish locale tells I from i, so that two people may have one address; who is who, we cannot know."""
    left = [str(pk) for pk in users.exclude(email=PLAIN).order_by("pk").values_list("pk", flat=True)]
    if left:
        raise RuntimeError(
            "Other customers have the same address in lower case as the users numbered"
            f" {', '.join(left)}: give one of each two another address, then migrate again."
        )


def capitals_again(apps, schema_editor):
    former = apps.get_model("customers", "FormerSpelling").objects.filter(user=OuterRef("pk"))
    users = apps.get_model("customers", "User").objects
    for user in users.filter(Exists(former)).select_related("former_spelling"):
        if user.former_spelling.email.lower() == user.email.lower():
            users.filter(pk=user.pk).update(email=user.former_spelling.email)


class Migration(migrations.Migration):
    dependencies = [("customers", "0008_steps_declare_themselves")]

    operations = [
        migrations.CreateModel(
            name="FormerSpelling",
            fields=[
                ("id", models.BigAutoField(
                    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                )),
                ("email", models.EmailField(max_length=254)),
                ("at", models.DateTimeField(db_default=Now())),
                ("user", models.OneToOneField(
                    on_delete=django.db.models.deletion.CASCADE,
                    related_name="former_spelling",
                    to=settings.AUTH_USER_MODEL,
                )),
            ],
        ),
        migrations.RunPython(lower, capitals_again),
        migrations.AddConstraint(
            "user",
            models.CheckConstraint(
                condition=Q(email=PLAIN),
                name="customers_user_email_lower",
                violation_error_message="Write the address in lower case: people sign in with it.",
            ),
        ),
    ]  # fmt: skip
