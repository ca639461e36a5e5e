"""The workshop of arbiter: everything that learns. Needs the extra ``train``."""
