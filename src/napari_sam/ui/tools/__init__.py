"""The pages of the panel: what each does."""
