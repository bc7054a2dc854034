"""What several stages share; imports no stage."""
