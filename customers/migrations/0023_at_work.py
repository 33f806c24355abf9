"""A run knows who is at it, so that one that was killed is told of."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0022_repair_jobs'),
    ]

    operations = [
        migrations.AddField(
            model_name='backfillrun',
            name='at_work_since',
            field=models.DateTimeField(blank=True, help_text='Since when somebody is at it', null=True),
        ),
        migrations.AddField(
            model_name='backfillrun',
            name='at_work_by',
            field=models.CharField(blank=True, default='', help_text='Who is at it', max_length=150),
        ),
    ]
