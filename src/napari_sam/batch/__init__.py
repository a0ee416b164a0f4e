"""Many images: a job for each, run here or in processes."""
