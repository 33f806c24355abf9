"""What was done, in plain words. The log keeps codes, which filters and other programs go by."""

WORDS = {
    "idtagmapping.changed": "Card switched",
    "platform_link.minting": "Link to the platform is being made",
    "platform_link.revoked": "Link to the platform deleted",
    "settle.stopped": "Waiting for the platform stopped",
    "sign_in.attempted_by_staff": "Staff asked for a customer's link",
    "sign_in.by_password": "Signed in with a password",
    "sign_in.failed": "Wrong password",
    "sign_in.locked_out": "Locked out",
    "sign_in.not_sent": "Sign-in link not mailed",
    "sign_in.refused": "Dead or made-up link tried",
    "sign_in.repeated": "Signed in by a second click",
    "sign_in.requested": "Sign-in link asked for",
    "sign_in.requested_by_staff": "Sign-in link asked for by staff",
    "sign_in.sent": "Sign-in link mailed",
    "sign_in.throttled": "Link asked for too often",
    "sign_in.used": "Signed in by link",
    "user.rights": "Rights changed",
    "group.rights": "Rights of a group changed",
    "run.stop_requested": "Stop asked for",
}


def in_words(action: str) -> str:
    """Say an action; one without words of its own by its parts: user.created is "User created"."""
    return WORDS.get(action) or action.replace(".", " ").replace("_", " ").capitalize()
