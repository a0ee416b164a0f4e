"""Ways to find many objects, a file each, and their maths."""
