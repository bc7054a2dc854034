"""`mcdrl studies ...`: whole studies by name."""
