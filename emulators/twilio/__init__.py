"""The Twilio emulator: a stateful stand-in of the Messages API on loopback."""
