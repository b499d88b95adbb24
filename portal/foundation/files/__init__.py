"""Files that people send: what they are is read from their bytes, and a copy is made that holds only what is shown."""
