"""The ground floor: errors, files, parameters, cards, pixel arrays, running a command. Every stage stands on it."""
