"""The ground floor: errors, files, parameters, cards, running a command. Every stage stands on it."""
