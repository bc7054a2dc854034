"""`mcdrl doctor`: is everything in place for `dvc repro`? Each check is a row: what, how it is, how to mend it."""
