"""Remember the time zone of Lago's billing entity, in which a run's mails say until when a link works."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0023_at_work")]

    operations = [
        migrations.AddField(
            model_name="backfillrun",
            name="lago_timezone",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
    ]
