"""A demonstration network that looks like the Dutch one, made from facts, and decisions told so that people can read them."""
