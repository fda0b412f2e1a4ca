"""The parts that vendors' modules share: bodies, payloads, mappings, forms, signatures."""
