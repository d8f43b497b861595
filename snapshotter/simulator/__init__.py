"""An account that behaves as the API's documentation says: for the demo and the tests."""
