"""The loadable functions, called through real database servers."""
