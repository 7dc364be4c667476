"""Where the application keeps its parts."""

from aiohttp import web

from emulators.phone.config import PhoneConfig
from emulators.phone.outside import Outside
from emulators.phone.people import People

CONFIG = web.AppKey("phone_config", PhoneConfig)
OUTSIDE = web.AppKey("phone_outside", Outside)
PEOPLE = web.AppKey("phone_people", People)
