"""Vectors to answers: pure functions over arrays, which touch no file and no store."""
