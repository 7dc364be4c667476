"""What the Messaging API refuses in message objects, in our own words."""
