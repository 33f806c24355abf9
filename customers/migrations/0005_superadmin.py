"""The group whose members may do everything with customers and runs."""

from django.db import migrations

NAME = "superadmin"
PERMISSIONS = {
    ("customers", "backfillrun"): {
        "run_backfill": "Can preview and run imports",
        "revert_backfill": "Can revert runs",
        "send_welcome": "Can send welcome mails",
        "view_backfillrun": "Can view backfill run",
    },
    ("customers", "customer"): {
        "view_customer": "Can view customer",
        "change_customer": "Can change customer",
    },
    ("customers", "idtagmapping"): {
        "view_idtagmapping": "Can view id tag mapping",
        "change_idtagmapping": "Can change id tag mapping",
    },
    ("auditlog", "auditentry"): {"view_auditentry": "Can view audit entry"},
}


def make(apps, schema_editor):
    """Make the permissions too: Django does so only after all migrations, and then finds them there."""
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=NAME)
    for (app, model), permissions in PERMISSIONS.items():
        content_type, _ = ContentType.objects.get_or_create(app_label=app, model=model)
        for codename, name in permissions.items():
            permission, _ = Permission.objects.get_or_create(
                content_type=content_type, codename=codename, defaults={"name": name}
            )
            group.permissions.add(permission)


def unmake(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_admin_console"),
        ("auditlog", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make, unmake)]
