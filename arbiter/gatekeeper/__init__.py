"""The gatekeeper: what a request is, how hard and how risky; learned heads, and keyword rules for the cold start."""
