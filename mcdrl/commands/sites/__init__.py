"""`mcdrl sites ...`: folders and published data sets as sites of the study."""
