"""All that can be done to pages: a library first, a command second."""
