"""The ground floor: errors, files, parameters, tables and stores, seeds, running a command."""
