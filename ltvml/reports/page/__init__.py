"""The report page: one HTML file that needs nothing else, from sections of sentences, pictures and tables."""
