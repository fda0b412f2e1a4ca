"""Policy: what marketing and sales have agreed on, as checked and typed data."""
