"""Webhooks: where they go, what they tell, how they are signed and delivered."""
