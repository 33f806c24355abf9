"""Have several workers do one run: its shares, what they have in common, and the log until it is a file."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0026_taking_back'),
    ]

    operations = [
        migrations.CreateModel(
            name='CallSlots',
            fields=[
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='call_slots', serialize=False, to='customers.backfillrun')),
                ('rate', models.FloatField(default=0, help_text='Calls per second; 0: no limit')),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('held_until', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='Lago asked to wait for so long')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RunLogPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='log_parts', to='customers.backfillrun')),
            ],
            options={
                'ordering': ('run_id', 'id'),
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SharedRun',
            fields=[
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='shared', serialize=False, to='customers.backfillrun')),
                ('is_at_work', models.BooleanField(default=True)),
                ('actor', models.CharField(max_length=150)),
                ('kept', models.JSONField(default=dict, help_text='What every worker has to know of it')),
                ('halted', models.JSONField(blank=True, default=dict)),
                ('in_a_row', models.JSONField(blank=True, default=dict, help_text='Rows that failed last, by step')),
                ('refused', models.JSONField(blank=True, default=dict, help_text='Why a worker does not take part')),
                ('opened_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_at_work', True)), fields=('is_at_work',), name='customers_shared_one_at_work')],
            },
        ),
        migrations.CreateModel(
            name='WorkerSeen',
            fields=[
                ('name', models.CharField(help_text='Its machine and its number there', max_length=100, primary_key=True, serialize=False)),
                ('seen_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['seen_at'], name='customers_worker_by_age')],
            },
        ),
        migrations.CreateModel(
            name='RunShare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('rows', models.PositiveIntegerField()),
                ('first_line', models.PositiveIntegerField()),
                ('last_line', models.PositiveIntegerField()),
                ('content', models.BinaryField(help_text='What was planned of it, packed and signed; blank once it is done')),
                ('token', models.UUIDField(blank=True, help_text='Of whoever has it', null=True)),
                ('worker', models.CharField(blank=True, default='', help_text='Who has it, or had it', max_length=100)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('claimed_at', models.DateTimeField(blank=True, null=True)),
                ('claims', models.PositiveIntegerField(default=0, help_text='How often somebody began with it')),
                ('deaths', models.PositiveIntegerField(default=0, help_text='Of workers over it, one after the other')),
                ('left_by', models.CharField(blank=True, default='', help_text='Whose lease ended', max_length=100)),
                ('done_rows', models.PositiveIntegerField(default=0, help_text='Of them, by who has it')),
                ('is_done', models.BooleanField(default=False)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shares', to='customers.backfillrun')),
            ],
            options={
                'ordering': ('run_id', 'number'),
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('is_done', False)), fields=['run', 'number'], name='customers_share_left')],
                'constraints': [models.UniqueConstraint(fields=('run', 'number'), name='customers_share_once_per_number'), models.CheckConstraint(condition=models.Q(('token__isnull', True), ('lease_until__isnull', False), _connector='OR'), name='customers_share_had_has_a_lease')],
            },
        ),
    ]
