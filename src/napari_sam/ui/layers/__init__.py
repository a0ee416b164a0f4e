"""From a person's layers to planes and prompts."""
