"""What happens to one Labels layer."""
