"""Mappings are kept by name, and an upload knows the one through which it is read."""

import django.utils.timezone
from django.db import migrations, models

GROUP = "superadmin"
CODENAME, NAME = "edit_mappings", "Can make and change mappings"


def permit(apps, schema_editor):
    """Make the permission too: Django does so only after all migrations, and then finds it there."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="customers", model="backfillmapping"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=CODENAME, defaults={"name": NAME}
    )
    for group in apps.get_model("auth", "Group").objects.filter(name=GROUP):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("customers", "0013_cards_in_other_notations")]
    operations = [
        migrations.AddField(
            "backfillupload",
            "mapping",
            models.TextField(
                blank=True, default="", help_text="The text of the mapping through which it is read"
            ),
        ),
        migrations.CreateModel(
            "BackfillMapping",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                ("content", models.TextField()),
                ("header_digest", models.CharField(blank=True, default="", max_length=64)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ("name",),
                "verbose_name": "column mapping",
                "permissions": [(CODENAME, NAME)],
                "default_permissions": (),
                "indexes": [models.Index(fields=["header_digest"], name="customers_mapping_by_header")],
            },
        ),
        migrations.RunPython(permit, migrations.RunPython.noop),
    ]
