"""From marks to candidates, while a person looks."""
