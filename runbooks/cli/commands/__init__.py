"""One module a command, named like it, with the command as `command`: discovered, and imported when it is asked for."""
