"""The commands of the command line that work on a user's own tables, one file each."""
