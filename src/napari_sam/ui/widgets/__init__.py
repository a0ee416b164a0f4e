"""Thin Qt views: they show a session's state and send it intents, nothing more."""
