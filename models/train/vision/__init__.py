"""Training of Kinora's three vision networks: face detector, face points, perception."""
