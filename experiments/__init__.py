"""Studies that print or draw one thing each; they import the package and nothing imports them."""
