"""A browser without JavaScript: follows links, keeps cookies, presses buttons of forms by their text."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin

import aiohttp


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.words: list[str] = []
        self._form: Form | None = None
        self._button: list[str] | None = None
        self._link: tuple[str, list[str]] | None = None
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None and given.get("name"):
            if given.get("type") not in {"checkbox", "radio"} or "checked" in given:
                self._form.fields[given["name"]] = given.get("value", "")
        elif tag == "button" and self._form is not None:
            self._button = []
        elif tag == "a":
            self._link = (given.get("href", ""), [])
        elif tag in {"script", "style"}:
            self._silent = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "button" and self._button is not None and self._form is not None:
            self._form.buttons.append("".join(self._button).strip())
            self._button = None
        elif tag == "a" and self._link is not None:
            self.links["".join(self._link[1]).strip()] = self._link[0]
            self._link = None
        elif tag in {"script", "style"}:
            self._silent = False

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self.words.append(data)
        if self._button is not None:
            self._button.append(data)
        if self._link is not None:
            self._link[1].append(data)


@dataclass
class SimpleBrowser:
    """One device. `text` is what its page says, without white space."""

    session: aiohttp.ClientSession
    url: str = ""
    status: int = 0
    html: str = ""

    @classmethod
    def new(cls) -> Self:
        return cls(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))

    async def close(self) -> None:
        await self.session.close()

    async def open(self, url: str) -> Self:
        async with self.session.get(url) as answer:
            return await self._show(answer)

    async def press(self, button: str, **values: str) -> Self:
        """Fill fields and press the button with this text, as a person would."""
        form = next((form for form in self._read().forms if button in form.buttons), None)
        assert form is not None, f"no button {button} on {self.url}: {self.text[:400]}"
        unknown = values.keys() - form.fields.keys()
        assert not unknown, f"no fields {unknown} on {self.url}; there are {list(form.fields)}"
        return await self.submit(form, **values)

    async def submit(self, form: Form, **values: str) -> Self:
        headers = {"Origin": re.match(r"https?://[^/]+", self.url)[0]}  # type: ignore[index]
        target = urljoin(self.url, form.action or self.url)
        data = {**form.fields, **values}
        if form.method == "get":
            return await self.open(target)
        async with self.session.post(target, data=data, headers=headers) as answer:
            return await self._show(answer)

    async def follow(self, link: str) -> Self:
        return await self.open(urljoin(self.url, self._read().links[link]))

    def form(self, button: str) -> Form:
        """The form of a button as it is now, to be submitted again later."""
        return next(form for form in self._read().forms if button in form.buttons)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", "", "".join(self._read().words))

    @property
    def buttons(self) -> list[str]:
        return [button for form in self._read().forms for button in form.buttons]

    @property
    def forms(self) -> list[Form]:
        return self._read().forms

    @property
    def links(self) -> dict[str, str]:
        return self._read().links

    async def _show(self, answer: aiohttp.ClientResponse) -> Self:
        self.html, self.url, self.status = await answer.text(), str(answer.url), answer.status
        return self

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.html)
        return reader
