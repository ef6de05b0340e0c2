"""One customer at a time: a request, the row that a bundle scores, the answer, over HTTP."""
