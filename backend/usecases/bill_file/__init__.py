"""How a bill file is read: its bytes, its header, its cells. Knows nothing of the database."""
