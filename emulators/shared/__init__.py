"""Parts that the channel emulators share: clock, faults, background delivery, records, streams."""
