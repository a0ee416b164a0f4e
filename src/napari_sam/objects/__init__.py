"""What objects look like, which are alike, and to which class they belong."""
