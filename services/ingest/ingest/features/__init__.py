"""What happens to deliveries beside capture, each part with its table and its API."""
