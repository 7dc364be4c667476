// The calendar: what day it is for the product, and buttons that move everything forward.

import { read, tell } from "./api.js";
import { byId, byTestId, el, showFullDay, showShortDay, showTime } from "./dom.js";

const REFRESH_MS = 5000;
const TICK_MS = 1000;

let ahead = 0; // the product's time minus this machine's, in milliseconds
let isBusy = false;
let drawn = "";
let tellOthers = () => {};

export function startDates({ canRunDue, whenMoved }) {
  tellOthers = whenMoved;
  byId("own-date").addEventListener("submit", (event) => {
    event.preventDefault();
    travel(byId("travel-input").value);
  });
  const due = byId("run-due");
  due.hidden = !canRunDue;
  due.addEventListener("click", () => move("/api/run_due", {}));
  setInterval(drawClock, TICK_MS);
  setInterval(() => { if (!document.hidden && !isBusy) refresh(); }, REFRESH_MS);
  return refresh();
}

async function refresh() {
  const told = await read("/api/now").catch(() => null);
  if (told && !isBusy) {
    take(told);
    setBusy(told.is_travelling, { isOurs: false });
  }
}

const travel = (to) => move("/api/travel", { to });

async function move(path, data) {
  if (isBusy) return;
  byTestId("travel-error").textContent = "";
  setBusy(true, { isOurs: true });
  try {
    take(await tell(path, data));
  } catch (error) {
    byTestId("travel-error").textContent = error.message;
  } finally {
    setBusy(false, { isOurs: true });
    tellOthers();
  }
}

function take(told) {
  ahead = new Date(told.now).getTime() - Date.now();
  drawClock();
  drawStops(told.stops);
}

function drawClock() {
  const now = new Date(Date.now() + ahead);
  const clock = byTestId("now");
  clock.setAttribute("datetime", now.toISOString());
  const words = `${showFullDay(now)} ${showTime(now)}`;
  if (clock.textContent !== words) {
    clock.textContent = words;
    byId("travel-input").min = local(now);
  }
}

// Keeps the buttons, and so the focus, while only their dates change.
function drawStops(stops) {
  const signature = JSON.stringify(stops.map((stop) => [stop.id, stop.to.slice(0, 16)]));
  if (signature === drawn) return;
  drawn = signature;
  for (const stop of stops) {
    const button = byTestId(`travel-${stop.id}`) ?? byId("stops").appendChild(el("button", { type: "button", testid: `travel-${stop.id}` }));
    const to = new Date(stop.to);
    button.onclick = () => travel(stop.to);
    button.replaceChildren(
      el("span", { class: "stop-name" }, stop.label),
      el("span", { class: "stop-day" }, `${showShortDay(to)} ${showTime(to)}`),
      el("span", { class: "stop-note" }, stop.note));
  }
}

function setBusy(value, { isOurs }) {
  if (isOurs) isBusy = value;
  byTestId("travelling").hidden = !value;
  document.body.classList.toggle("is-travelling", value);
  for (const control of document.querySelectorAll(".dates button, .dates input")) control.disabled = value;
}

function local(date) {
  return new Date(date.getTime() + 9 * 3600 * 1000).toISOString().slice(0, 16);
}
