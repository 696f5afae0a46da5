"""What the program writes and says today, kept as files: what tells a change of behaviour from one of structure."""
