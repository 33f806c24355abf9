"""What is to be told when something is over."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0018_mail_streaks'),
    ]

    operations = [
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, editable=False, help_text='Of the event: the same for all receivers')),
                ('event', models.CharField(max_length=40)),
                ('actor', models.CharField(help_text='Who did what it tells of, as in the audit log', max_length=150)),
                ('channel', models.CharField(choices=[('webhook', 'Webhook'), ('mail', 'Mail')], max_length=8)),
                ('payload', models.JSONField(help_text='What is told; of people, numbers only')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('given_up', 'Given Up')], default='waiting', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('code', models.CharField(blank=True, default='', help_text='Why the last try failed', max_length=60)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='customers.backfillrun')),
                ('user', models.ForeignKey(blank=True, help_text='Who gets the mail', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['next_try_at'], name='customers_notice_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(('channel__in', ('webhook', 'mail'))), name='customers_notice_channel_known'), models.CheckConstraint(condition=models.Q(('state__in', ('waiting', 'delivered', 'given_up'))), name='customers_notice_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'delivered'), _negated=True), ('delivered_at__isnull', False), _connector='OR'), name='customers_notice_delivered_says_when')],
            },
        ),
    ]
