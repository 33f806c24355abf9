"""A step is known by its class and not by the database; a run remembers every system that it went into."""

from django.db import migrations, models


def remember(apps, schema_editor):
    for run in apps.get_model("customers", "BackfillRun").objects.exclude(steve_url=""):
        run.world = {"steve": run.steve_url}
        run.save(update_fields=["world"])


def forget(apps, schema_editor):
    for run in apps.get_model("customers", "BackfillRun").objects.exclude(world={}):
        run.steve_url = run.world.get("steve", "")
        run.save(update_fields=["steve_url"])


class Migration(migrations.Migration):
    dependencies = [("customers", "0007_rows_of_the_file")]

    operations = [
        migrations.RemoveConstraint("backfillstep", "customers_step_name_known"),
        migrations.AlterField("backfillstep", "name", models.CharField(max_length=40)),
        migrations.AddField("backfillrun", "world", models.JSONField(blank=True, default=dict)),
        migrations.RunPython(remember, forget),
        migrations.RemoveField("backfillrun", "steve_url"),
    ]
