// The LINE-like screen of the chosen customer.

import { customerPath, tell } from "./api.js";
import { actionElement } from "./actions.js";
import { byId, complain, el, scrollToEnd, showDay, showTime } from "./dom.js";
import { drawMessage } from "./messages.js";

const log = byId("line-log");
const quick = byId("line-quick");
const input = byId("line-input");

let person = null;
let entries = [];
let lastDay = "";
let tellOthers = () => {};

const talk = {
  say: (text) => act("messages", { type: "text", text }),
  post: (posted) => act("postbacks", posted),
  fill: (text) => {
    input.value = text;
    input.focus();
  },
};

async function act(verb, data = {}) {
  try {
    return await tell(customerPath(person.key, `line/${verb}`), data);
  } catch (error) {
    complain(error.message);
    return null;
  }
}

// Shows one customer's chat from its beginning.
export function showTalk(chosen, known) {
  if (person !== chosen) input.value = "";
  person = chosen;
  entries = known;
  lastDay = "";
  byId("line-sub").textContent = `${person.name}さんのLINE`;
  log.replaceChildren(...entries.flatMap(draw));
  refreshTools();
  drawQuickReplies();
  scrollToEnd(log);
}

// Adds what has just appeared; `entries` is the list given to showTalk, which already holds it.
export function addToTalk(entry) {
  log.append(...draw(entry));
  refreshTools();
  drawQuickReplies();
  scrollToEnd(log);
}

export function refreshTools() {
  const block = byId("line-block");
  block.textContent = person.is_blocked ? "ブロックを解除" : "ブロック";
  block.setAttribute("aria-pressed", String(person.is_blocked));
  block.hidden = !person.has_line;
  byId("line-unsend").hidden = !person.has_line;
  byId("line-unsend").disabled = lastOwn() === undefined;
  byId("line-friend-box").hidden = person.has_line;
  byId("line-form").hidden = !person.has_line;
  log.classList.toggle("is-blocked", person.is_blocked);
}

function draw(entry) {
  const at = new Date(entry.at_ms);
  const day = showDay(at);
  const nodes = day === lastDay ? [] : [el("p", { class: "day" }, day)];
  lastDay = day;
  return [...nodes, entry.sender === "system" ? note(entry) : bubble(entry, at)];
}

function note(entry) {
  return el("p", { class: "note", testid: "line-bubble", "data-sender": "system", "data-seq": entry.seq }, entry.message.text);
}

function bubble(entry, at) {
  const { element, isCard } = drawMessage(entry.message, talk);
  const who = entry.sender === "bot" ? "お店から" : "自分から";
  return el("div", { class: `said by-${entry.sender}`, testid: "line-bubble", "data-sender": entry.sender, "data-seq": entry.seq },
    el("span", { class: "unseen" }, who),
    el("div", { class: isCard ? "bubble-card" : "bubble" }, element),
    el("time", { class: "at", datetime: at.toISOString() }, showTime(at)));
}

// Quick replies belong to the newest message and vanish with the next one.
function drawQuickReplies() {
  const newest = entries.findLast((entry) => entry.sender !== "system");
  const items = newest?.sender === "bot" ? newest.message.quickReply?.items ?? [] : [];
  quick.replaceChildren(...items.map(({ action }) => actionElement(action, talk, { className: "chip", testid: "quick-reply" })));
  quick.hidden = items.length === 0;
  quick.scrollLeft = 0;
}

function lastOwn() {
  return entries.findLast((entry) => entry.sender === "user" && entry.id && entry.message.type !== "unsent");
}

async function unsend() {
  const entry = lastOwn();
  if (!entry || (await act("unsend", { messageId: entry.id })) === null) return;
  entry.message = { type: "unsent" };
  showTalk(person, entries);
}

async function toggleBlock() {
  const answer = await act(person.is_blocked ? "unblock" : "block");
  if (answer) person.is_blocked = answer.isBlocked;
  refreshTools();
}

async function makeFriends() {
  const answer = await act("friend");
  if (answer) Object.assign(person, { has_line: true, is_blocked: false });
  refreshTools();
  tellOthers(person);
  input.focus();
}

export function startTalk(botName, { whenChanged }) {
  tellOthers = whenChanged;
  byId("line-title").textContent = botName;
  byId("line-unsend").addEventListener("click", unsend);
  byId("line-block").addEventListener("click", toggleBlock);
  byId("line-friend").addEventListener("click", makeFriends);
  byId("line-sticker").addEventListener("click", () => act("stickers"));
  byId("line-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    if ((await talk.say(text)) === null) input.value = text;
  });
}
