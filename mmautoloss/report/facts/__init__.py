"""What a search was like, as plain data: what figures are drawn from and pages are written of."""
