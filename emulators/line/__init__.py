"""The LINE emulator: a stateful stand-in of the Messaging API on loopback."""
