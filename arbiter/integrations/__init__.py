"""Where arbiter meets the user's ecosystem; each library is imported at first use, in its own module."""
