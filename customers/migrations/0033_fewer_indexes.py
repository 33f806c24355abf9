"""Keep up two indexes of a step instead of four: each write of a ledger has to write them all."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0032_reverts_in_shares'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='backfillstep',
            name='customers_step_by_state',
        ),
        migrations.AlterField(
            model_name='backfillrow',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=models.CASCADE, related_name='rows', to='customers.backfillrun'),
        ),
        migrations.AlterField(
            model_name='backfillstep',
            name='row',
            field=models.ForeignKey(db_index=False, on_delete=models.CASCADE, related_name='steps', to='customers.backfillrow'),
        ),
    ]
