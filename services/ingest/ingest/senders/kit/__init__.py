"""What vendors' modules are made of: bodies, payloads, mappings, forms, signatures."""
