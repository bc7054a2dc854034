"""The sections of params.yaml, a file each, named like the stage that works with it."""
