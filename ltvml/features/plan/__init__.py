"""What a plan counts in the orders."""
