"""What the page Quality is made of."""
