"""`arbiter plan`: from use cases to a costed, resilient model strategy."""
