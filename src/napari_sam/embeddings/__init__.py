"""What encoders made of planes: kept in memory and on disk."""
