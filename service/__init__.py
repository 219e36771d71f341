"""The same library over HTTP; knows `indexer`, and `indexer` does not know it."""
