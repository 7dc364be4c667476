"""Where handlers find the emulator's state and the number of their request."""

from aiohttp import web

from emulators.line.state import LineState

STATE = web.AppKey("line_state", LineState)
NUMBER = web.RequestKey("line_request_number", int)
