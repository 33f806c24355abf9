"""Runs can wait at their first customers or paused; the rights to approve and to control come into `superadmin`."""

from django.db import migrations, models

GROUP = "superadmin"
PERMISSIONS = {
    "approve_backfill": "Can approve imports of others",
    "control_backfill": "Can pause, resume, stop and pace what is at work",
}


def permit(apps, schema_editor):
    """Make the permissions too: Django does so only after all migrations, and then finds them there."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="customers", model="backfillrun"
    )
    for codename, name in PERMISSIONS.items():
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )
        for group in apps.get_model("auth", "Group").objects.filter(name=GROUP):
            group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0016_verify_jobs'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='backfillrun',
            options={'ordering': ('-id',), 'permissions': [('run_backfill', 'Can preview and run imports'), ('revert_backfill', 'Can revert runs'), ('send_welcome', 'Can send welcome mails'), ('approve_backfill', 'Can approve imports of others'), ('control_backfill', 'Can pause, resume, stop and pace what is at work')]},
        ),
        migrations.RemoveConstraint(
            model_name='backfillrun',
            name='customers_run_one_unfinished_per_file',
        ),
        migrations.RemoveConstraint(
            model_name='backfillrun',
            name='customers_run_status_known',
        ),
        migrations.AlterField(
            model_name='backfillrun',
            name='status',
            field=models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('paused', 'Paused'), ('canary', 'Canary'), ('interrupted', 'Interrupted'), ('failed', 'Failed'), ('partial', 'Partial'), ('succeeded', 'Succeeded'), ('abandoned', 'Abandoned'), ('reverting', 'Reverting'), ('reverted', 'Reverted')], default='running', max_length=12),
        ),
        migrations.AddConstraint(
            model_name='backfillrun',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running', 'paused', 'canary', 'interrupted', 'failed', 'partial'])), fields=('input_sha256',), name='customers_run_one_unfinished_per_file'),
        ),
        migrations.AddConstraint(
            model_name='backfillrun',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'running', 'paused', 'canary', 'interrupted', 'failed', 'partial', 'succeeded', 'abandoned', 'reverting', 'reverted'])), name='customers_run_status_known'),
        ),
        migrations.RunPython(permit, migrations.RunPython.noop),
    ]
