"""A folder walked through: one image after another, its labels kept beside it."""
