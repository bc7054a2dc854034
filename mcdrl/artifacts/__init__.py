"""The schema of every artifact that one stage writes and another reads, each declared once."""
