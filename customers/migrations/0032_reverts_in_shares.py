"""Have several workers take a run back: what came of it, what failed, and the manifest beside the log."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0029_shares'),
    ]

    operations = [
        migrations.AddField(
            model_name='runlogpart',
            name='log',
            field=models.CharField(choices=[('run', 'Run'), ('manifest', 'Manifest')], default='run', max_length=10),
        ),
        migrations.AddField(
            model_name='runshare',
            name='failed',
            field=models.JSONField(blank=True, default=list, help_text='Keys of the rows that failed'),
        ),
        migrations.AddField(
            model_name='sharedrun',
            name='counts',
            field=models.JSONField(blank=True, default=dict, help_text='Things of a revert, by outcome'),
        ),
        migrations.AddField(
            model_name='sharedrun',
            name='is_revert',
            field=models.BooleanField(default=False, help_text='It is taken back, not brought in'),
        ),
    ]
