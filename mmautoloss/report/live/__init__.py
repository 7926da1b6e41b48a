"""What a person sees while a search runs: lines on the console, the standing below them, the page of `status`."""
