"""The engine: the only loop over blocks, the worker that owns the model, jobs in threads."""
