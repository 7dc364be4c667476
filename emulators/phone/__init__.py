"""The phone page: a demo customer's telephone in the browser, and the switches of the demonstration."""
