"""The worker can look what a repair would do, and do it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0021_live_control'),
    ]

    operations = [
        migrations.AlterField(
            model_name='runjob',
            name='kind',
            field=models.CharField(choices=[('reconcile', 'Reconcile'), ('revert_preview', 'Revert Preview'), ('revert', 'Revert'), ('settle', 'Settle'), ('verify', 'Verify'), ('charge', 'Charge'), ('repair_preview', 'Repair Preview'), ('repair', 'Repair')], max_length=16),
        ),
    ]
