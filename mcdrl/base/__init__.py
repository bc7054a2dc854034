"""The ground floor: errors, files and folders, typed sections of YAML, seeds, threads, what the terminal is told."""
