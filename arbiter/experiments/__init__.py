"""Two routers on live traffic: A/B, canary and shadow."""
