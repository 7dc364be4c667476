// Joins the parts of the page: who is chosen, what has arrived for whom, which view is open on a small screen.

import { read } from "./api.js";
import { byTestId, complain, el } from "./dom.js";
import { startDates } from "./dates.js";
import { drawPerson, showChosen, startPeople } from "./people.js";
import { addToTalk, showTalk, startTalk } from "./talk.js";
import { addToTexts, refreshTexts, showTexts, startTexts } from "./texts.js";
import { refreshWorld, startWorld } from "./world.js";

const REFRESH_MS = 3000;
const RETRY_MS = 4000;
const LINKED = "連携しました";
const title = document.title;
const wide = matchMedia("(min-width: 1100px)");

const people = new Map();
const screens = new Map();
const live = { line: false, sms: false };
let chosen = null;
let refreshTimer = 0;

async function start() {
  const setup = await read("/api/setup");
  for (const person of setup.customers) {
    people.set(person.key, person);
    screens.set(person.key, { line: [], sms: [], unread: { line: 0, sms: 0 } });
  }
  startPeople(setup.customers, (key) => { choose(key); if (!wide.matches) open(byKey(key).is_linked ? "line" : "sms"); });
  startTalk(setup.bot_name, { whenChanged: drawMarks });
  startTexts(setup.sms_sender);
  startWorld(setup.faults, setup.web_base);
  setup.customers.forEach(drawMarks);
  for (const tab of document.querySelectorAll(".tabs button")) tab.addEventListener("click", () => open(tab.dataset.view));
  wide.addEventListener("change", () => open(document.body.dataset.view));
  choose(people.has(location.hash.slice(1)) ? location.hash.slice(1) : setup.customers[0]?.key);
  open("people");
  await startDates({ canRunDue: setup.can_run_due, whenMoved: refreshSoon });
  listen();
  setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
  await refreshWorld();
}

const byKey = (key) => people.get(key);

function choose(key) {
  if (!key) return;
  chosen = key;
  history.replaceState(null, "", `#${key}`);
  showChosen(byKey(key));
  showTalk(byKey(key), screens.get(key).line);
  showTexts(byKey(key), screens.get(key).sms);
  seen();
}

function open(view) {
  document.body.dataset.view = view;
  for (const tab of document.querySelectorAll(".tabs button")) {
    tab.setAttribute("aria-current", tab.dataset.view === view ? "page" : "false");
  }
  for (const log of document.querySelectorAll(".screen")) log.scrollTop = log.scrollHeight;
  seen();
}

const isShown = (channel) => !document.hidden && (wide.matches || document.body.dataset.view === channel);

// What is on the open screen of the chosen customer counts as read.
function seen() {
  if (!chosen) return;
  for (const channel of ["line", "sms"]) if (isShown(channel)) screens.get(chosen).unread[channel] = 0;
  drawMarks(byKey(chosen));
}

function drawMarks(person) {
  drawPerson(person, screens.get(person.key).unread);
  let total = 0;
  for (const { unread } of screens.values()) total += unread.line + unread.sms;
  document.title = total ? `(${total}) ${title}` : title;
  if (person.key !== chosen) return;
  for (const channel of ["line", "sms"]) {
    const count = screens.get(chosen).unread[channel];
    const mark = byTestId(`${channel}-unread`);
    mark.hidden = count === 0;
    mark.replaceChildren(String(count), el("span", { class: "unseen" }, "件の未読"));
  }
}

function listen() {
  const stream = new EventSource("/api/stream?after=0.0");
  stream.addEventListener("entry", (event) => take(JSON.parse(event.data)));
  stream.addEventListener("live", (event) => {
    live[JSON.parse(event.data).channel] = true;
    document.body.dataset.ready = String(live.line && live.sms);
  });
  stream.addEventListener("forgotten", (event) => forget(JSON.parse(event.data).channel));
  document.addEventListener("visibilitychange", seen);
}

function take({ channel, keys, entry }) {
  for (const key of keys) {
    const screen = screens.get(key);
    if (screen[channel].some((known) => known.seq === entry.seq)) continue;
    screen[channel].push(entry);
    learn(byKey(key), entry);
    const isOwn = entry.sender === "user" || entry.sender === "system" || entry.direction === "inbound";
    if (live[channel] && !isOwn) screen.unread[channel] += 1;
    if (key === chosen) channel === "line" ? addToTalk(entry) : addToTexts();
    if (key === chosen) seen();
    else drawMarks(byKey(key));
  }
  refreshSoon();
}

// LINE tells in the chat itself that the accounts have been tied together.
function learn(person, entry) {
  if (entry.sender === "system" && entry.message.text.includes(LINKED)) {
    person.is_linked = true;
    drawMarks(person);
  }
}

function forget(channel) {
  for (const screen of screens.values()) {
    screen[channel] = [];
    screen.unread[channel] = 0;
  }
  choose(chosen);
}

function refreshSoon() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refresh, 250);
}

function refresh() {
  refreshWorld();
  if (chosen) refreshTexts();
}

start().catch((error) => {
  complain(`${error.message} もう一度読み込みます…`);
  setTimeout(() => location.reload(), RETRY_MS);
});
