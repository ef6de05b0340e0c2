"""Does the automatic choice hold on shops that nobody tuned for? Past cutoffs of real and of simulated shops."""
