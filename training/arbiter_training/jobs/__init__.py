"""What the commands do, from files to files: read, learn or evaluate, write, track."""
