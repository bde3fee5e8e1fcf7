"""A demonstration network that looks like the Dutch one, and decisions told so that people can read them."""
