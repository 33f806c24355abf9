"""Runs can be paused, paced, and begin at an hour."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0020_approvals'),
    ]

    operations = [
        migrations.AddField(
            model_name='backfillrun',
            name='asked_by',
            field=models.CharField(blank=True, default='', help_text='Who asked last to stop or to pause it', max_length=150),
        ),
        migrations.AddField(
            model_name='backfillrun',
            name='pace',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='backfillrun',
            name='pause_requested',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='backfillrun',
            name='paused_at',
            field=models.DateTimeField(blank=True, help_text='Since when it, or its revert, is paused', null=True),
        ),
        migrations.AddField(
            model_name='backfillrun',
            name='starts_at',
            field=models.DateTimeField(blank=True, help_text='When it is to begin, while it waits', null=True),
        ),
        migrations.AddField(
            model_name='backfillrun',
            name='starts_zone',
            field=models.CharField(blank=True, default='', help_text='In which that was said', max_length=64),
        ),
    ]
