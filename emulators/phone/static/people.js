// The list of demo customers, and the chosen one's own note of number and telephone.

import { byId, el } from "./dom.js";

const list = byId("people-list");
const buttons = new Map();

export function startPeople(customers, choose) {
  for (const person of customers) {
    const button = el("button", {
      type: "button", class: "person", testid: "customer", "aria-pressed": "false",
      "data-key": person.key, "data-customer-number": person.customer_number, onclick: () => choose(person.key),
    });
    buttons.set(person.key, button);
    list.append(el("li", {}, button));
  }
}

export function drawPerson(person, unread) {
  const count = unread.line + unread.sms;
  const button = buttons.get(person.key);
  button.replaceChildren(
    el("span", { class: "avatar", "aria-hidden": "true" }, person.name.slice(0, 1)),
    el("span", { class: "person-name" }, person.name,
      el("span", { class: "person-number" }, el("span", { class: "unseen" }, "お客様番号"), `末尾${person.last4}`, mark(person))));
  if (count) button.append(el("span", { class: "dot", testid: "unread" }, String(count), el("span", { class: "unseen" }, "件の未読")));
}

function mark(person) {
  if (person.is_linked) return el("span", { class: "mark is-linked", testid: "link-mark" }, "LINE連携済み");
  return el("span", { class: "mark", testid: "link-mark" }, person.has_line ? "LINE未連携" : "SMSのみ");
}

export function showChosen(person) {
  for (const [key, button] of buttons) button.setAttribute("aria-pressed", String(key === person.key));
  byId("own-note").replaceChildren(
    row("選んだお客様", person.name),
    row("お客様番号", person.customer_number, "customer-number"),
    row("携帯電話", person.phone.replace(/^\+81/, "0"), "customer-phone"));
}

function row(term, value, testid) {
  return el("div", {}, el("dt", {}, term), el("dd", { testid }, value));
}
