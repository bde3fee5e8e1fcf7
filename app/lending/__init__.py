"""What happens to a loan: choosing its supplier now, carrying it out later."""
