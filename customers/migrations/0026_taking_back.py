"""Write down whom a revert of chosen customers is taking back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0025_run_calls")]

    operations = [
        migrations.AddField(
            model_name="backfillrun",
            name="taking_back",
            field=models.JSONField(blank=True, default=list, help_text="External ids of those who are going"),
        ),
    ]
