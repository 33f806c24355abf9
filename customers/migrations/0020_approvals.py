"""Plans that somebody else approves before they may be imported; previews that wait for it are kept longer."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0019_notices'),
    ]

    operations = [
        migrations.AddField(
            model_name='backfillupload',
            name='kept_until',
            field=models.DateTimeField(blank=True, help_text='If that is later', null=True),
        ),
        migrations.AddField(
            model_name='backfillupload',
            name='makers',
            field=models.JSONField(blank=True, default=list, help_text='Who else has changed what it would do'),
        ),
        migrations.CreateModel(
            name='PlanApproval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('approved', 'Approved'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn')], default='waiting', max_length=10)),
                ('digest', models.CharField(help_text='SHA-256 of all that is approved', max_length=64)),
                ('facts', models.BinaryField(help_text='All that is approved, packed')),
                ('sha256', models.CharField(help_text='Of the file', max_length=64)),
                ('name', models.CharField(help_text='Of the file', max_length=255)),
                ('counts', models.JSONField(default=dict, help_text='Rows by what is done with them')),
                ('sums', models.JSONField(default=dict, help_text='By name: how many, and how much money')),
                ('asked_by', models.CharField(max_length=150)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('makers', models.JSONField(default=list, help_text='Who has made the plan what it is; none approves it')),
                ('decided_by', models.CharField(blank=True, default='', max_length=150)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('reason', models.CharField(blank=True, default='', help_text='Why it was declined', max_length=300)),
                ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='approvals', to='customers.backfillrun')),
                ('upload', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='approvals', to='customers.backfillupload')),
            ],
            options={
                'ordering': ('-id',),
                'default_permissions': (),
                'indexes': [models.Index(fields=['sha256', 'status'], name='customers_approval_by_file')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ('waiting', 'approved'))), fields=('upload',), name='customers_approval_one_open_per_preview'), models.CheckConstraint(condition=models.Q(('status__in', ('waiting', 'approved', 'declined', 'withdrawn'))), name='customers_approval_status_known'), models.CheckConstraint(condition=models.Q(models.Q(('status__in', ('approved', 'declined')), _negated=True), models.Q(models.Q(('decided_by', ''), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='customers_approval_says_who_decided')],
            },
        ),
    ]
