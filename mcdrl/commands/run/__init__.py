"""`mcdrl run`: the study's stale stages side by side, on this machine or on a SLURM cluster; DVC keeps the record."""
