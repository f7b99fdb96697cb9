"""The commands of the command line, by topic. Heavy libraries are imported inside the functions that need them."""
