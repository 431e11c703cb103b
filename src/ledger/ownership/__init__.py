"""Who writes which partition, and how commands get to whoever does. Courtesy, never a lock."""
