"""Answers become things to look at or hand over: contact sheets, pictures, thumbnails, tables."""
