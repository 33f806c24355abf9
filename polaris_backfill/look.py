"""How the admin looks: django-unfold's settings, kept out of the way of those that an operator cares for."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

NAVIGATION = "customers.admin.navigation"


def _entry(title: str, icon: str, page: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{page}"),
        "permission": f"{NAVIGATION}.{permission}",
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Polaris Backfill",
    "SITE_HEADER": "Polaris Backfill",
    "SITE_SYMBOL": "ev_station",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("customers/star.svg")}
    ],
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "customers.admin.dashboard.dashboard",
    "STYLES": [lambda request: static("customers/admin/console.css")],
    "SCRIPTS": [
        lambda request: static("customers/admin/console.js"),
        lambda request: static("customers/admin/amend.js"),
        lambda request: static("customers/admin/follow.js"),
    ],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "#eefbf6", "100": "#d6f5e8", "200": "#b0ead5", "300": "#7cd8bc", "400": "#45bf9e",
            "500": "#22a385", "600": "#14836c", "700": "#106959", "800": "#105347", "900": "#0e453c",
            "950": "#062722",
        },
    },
    "SIDEBAR": {
        "navigation": [
            {
                "items": [
                    {"title": "Overview", "icon": "space_dashboard", "link": reverse_lazy("admin:index")},
                    {
                        **_entry("Import", "upload_file", "customers_backfillrun_import", "sees_import"),
                        "active": f"{NAVIGATION}.is_importing",
                    },
                    {
                        **_entry("Runs", "history", "customers_backfillrun_changelist", "sees_runs"),
                        "active": f"{NAVIGATION}.is_among_runs",
                    },
                    _entry("Approvals", "approval", "customers_backfillrun_approvals", "sees_approvals"),
                    _entry("Customers", "group", "customers_customer_changelist", "sees_customers"),
                    _entry("idTags", "contactless", "customers_idtagmapping_changelist", "sees_id_tags"),
                    _entry(
                        "Column mappings", "table_convert", "customers_backfillmapping_changelist",
                        "sees_mappings",
                    ),
                    _entry("Audit log", "fact_check", "auditlog_auditentry_changelist", "sees_audit_log"),
                ],
            },
            {
                "title": "Administration",
                "separator": True,
                "items": [
                    _entry("Staff", "badge", "customers_user_changelist", "is_superuser"),
                    _entry("Groups", "shield_person", "auth_group_changelist", "is_superuser"),
                ],
            },
        ],
    },
}  # fmt: skip
