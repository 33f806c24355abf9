"""A customer never becomes staff: neither by role, nor by group, nor by permission."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION customers_role_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the role of a user is fixed' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER customers_user_role_is_fixed BEFORE UPDATE ON customers_user
    FOR EACH ROW WHEN (OLD.role IS DISTINCT FROM NEW.role) EXECUTE FUNCTION customers_role_is_fixed();

CREATE FUNCTION customers_only_staff_may_have() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM customers_user WHERE id = NEW.user_id AND role = 'staff') THEN
        RAISE EXCEPTION 'groups and permissions are for staff' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER customers_user_groups_only_staff BEFORE INSERT OR UPDATE ON customers_user_groups
    FOR EACH ROW EXECUTE FUNCTION customers_only_staff_may_have();
CREATE TRIGGER customers_user_permissions_only_staff BEFORE INSERT OR UPDATE ON customers_user_user_permissions
    FOR EACH ROW EXECUTE FUNCTION customers_only_staff_may_have();

ALTER TABLE customers_user ENABLE ALWAYS TRIGGER customers_user_role_is_fixed;
ALTER TABLE customers_user_groups ENABLE ALWAYS TRIGGER customers_user_groups_only_staff;
ALTER TABLE customers_user_user_permissions ENABLE ALWAYS TRIGGER customers_user_permissions_only_staff;
"""
BACKWARDS = """
DROP TRIGGER customers_user_role_is_fixed ON customers_user;
DROP TRIGGER customers_user_groups_only_staff ON customers_user_groups;
DROP TRIGGER customers_user_permissions_only_staff ON customers_user_user_permissions;
DROP FUNCTION customers_role_is_fixed();
DROP FUNCTION customers_only_staff_may_have();
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
