"""Verify and its test session are jobs of the worker; test sessions are one at a time."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0015_locale_and_card_name'),
    ]

    operations = [
        migrations.AlterField(
            model_name='runjob',
            name='kind',
            field=models.CharField(choices=[('reconcile', 'Reconcile'), ('revert_preview', 'Revert Preview'), ('revert', 'Revert'), ('settle', 'Settle'), ('verify', 'Verify'), ('charge', 'Charge')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='runjob',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'charge'), ('status__in', ('queued', 'running'))), fields=('kind',), name='customers_job_one_test_session'),
        ),
    ]
