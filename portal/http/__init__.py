"""What all three faces share about a request: who asks, whether they may, and what every answer carries."""
