// The SMS-like screen of the chosen customer: what is on the telephone, and what has not reached it.

import { customerPath, read, tell } from "./api.js";
import { byId, complain, el, scrollToEnd, showDay, showTime } from "./dom.js";
import { linked } from "./links.js";

const log = byId("sms-log");
const input = byId("sms-input");
const STATUS = {
  accepted: "受付", queued: "送信待ち", sending: "送信中", sent: "送信済み", delivered: "届きました",
  undelivered: "届きませんでした", failed: "送れませんでした", received: "送信しました",
};

let person = null;
let entries = [];
let sent = [];
let drawn = "";

export function showTexts(chosen, known) {
  if (person !== chosen) input.value = "";
  person = chosen;
  entries = known;
  sent = [];
  byId("sms-sub").textContent = `${person.name}さんの携帯電話`;
  drawn = "";
  const button = byId("sms-reception");
  button.setAttribute("aria-pressed", String(Boolean(person.is_out_of_reach)));
  button.textContent = person.is_out_of_reach ? "圏内に戻す" : "圏外にする";
  draw();
  refreshTexts();
}

export function addToTexts() {
  draw();
  refreshTexts();
}

// Asks how the messages to this telephone are doing.
export async function refreshTexts() {
  const asked = person;
  const answer = await read(customerPath(asked.key, "sms/sent")).catch(() => null);
  if (answer === null || asked !== person) return;
  sent = answer.messages;
  draw();
}

function draw() {
  const messages = merged();
  const signature = JSON.stringify([person.key, messages]);
  if (signature === drawn) return;
  drawn = signature;
  let lastDay = "";
  log.replaceChildren(...messages.flatMap((message) => {
    const at = new Date(message.at * 1000);
    const day = showDay(at);
    const divider = day === lastDay ? [] : [el("p", { class: "day" }, day)];
    lastDay = day;
    return [...divider, bubble(message, at)];
  }));
  scrollToEnd(log);
}

function merged() {
  const latest = new Map(sent.map((sms) => [sms.sid, sms]));
  const arrived = new Set(entries.map((entry) => entry.sid));
  const there = entries.map((entry) => ({ ...entry, ...latest.get(entry.sid), isThere: true }));
  const onTheWay = sent.filter((sms) => !arrived.has(sms.sid))
    .map((sms) => ({ ...sms, at: sms.created_at, direction: "outbound", isThere: false }));
  return [...there, ...onTheWay].sort((one, other) => one.at - other.at);
}

function bubble(message, at) {
  const isOwn = message.direction === "inbound";
  const status = STATUS[message.status] ?? message.status;
  const code = message.error_code ? `（${message.error_code}）` : "";
  const parts = `${message.segments}通分`;
  const classes = `said by-${isOwn ? "user" : "bot"}${message.isThere ? "" : " is-away"}`;
  return el("div", { class: classes, testid: "sms-bubble", "data-direction": message.direction, "data-status": message.status },
    el("span", { class: "unseen" }, isOwn ? "自分から" : "お店から"),
    el("div", { class: "bubble" }, el("p", { class: "words" }, ...linked(message.body))),
    el("p", { class: "at" }, el("time", { datetime: at.toISOString() }, showTime(at)), ` ・ ${status}${code} ・ ${parts}`));
}

async function write(event) {
  event.preventDefault();
  const body = input.value.trim();
  if (!body) return;
  input.value = "";
  try {
    await tell(customerPath(person.key, "sms/messages"), { body });
  } catch (error) {
    input.value = body;
    complain(error.message);
  }
}

async function toggleReception() {
  try {
    const answer = await tell(customerPath(person.key, "sms/reception"), { can_receive: Boolean(person.is_out_of_reach) });
    person.is_out_of_reach = !answer.can_receive;
    showTexts(person, entries);
  } catch (error) {
    complain(error.message);
  }
}

export function startTexts(sender) {
  byId("sms-title").textContent = sender;
  byId("sms-form").addEventListener("submit", write);
  byId("sms-reception").addEventListener("click", toggleReception);
}
