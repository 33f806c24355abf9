"""PostgreSQL refuses to change or remove audit entries, whoever tries."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION auditlog_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER auditlog_no_change BEFORE UPDATE OR DELETE ON auditlog_auditentry
    FOR EACH ROW EXECUTE FUNCTION auditlog_refuse();
CREATE TRIGGER auditlog_no_truncate BEFORE TRUNCATE ON auditlog_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION auditlog_refuse();
-- ALWAYS: also where a session sets session_replication_role to replica.
ALTER TABLE auditlog_auditentry ENABLE ALWAYS TRIGGER auditlog_no_change;
ALTER TABLE auditlog_auditentry ENABLE ALWAYS TRIGGER auditlog_no_truncate;
"""
BACKWARDS = """
DROP TRIGGER auditlog_no_change ON auditlog_auditentry;
DROP TRIGGER auditlog_no_truncate ON auditlog_auditentry;
DROP FUNCTION auditlog_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("auditlog", "0001_initial")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
