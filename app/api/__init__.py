"""What the outside world may ask: one file per noun, each with its router."""
