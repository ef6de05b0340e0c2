"""What a job says."""
