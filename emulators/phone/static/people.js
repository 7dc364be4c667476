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
  buttons.get(person.key).replaceChildren(
    el("span", { class: "avatar", "aria-hidden": "true" }, person.name.slice(0, 1)),
    el("span", { class: "person-name" }, person.name,
      el("span", { class: "person-number" }, `お客様番号 末尾${person.last4}`)),
    el("span", { class: person.is_linked ? "mark is-linked" : "mark" }, person.is_linked ? "LINE連携済み" : "未連携"),
    count ? el("span", { class: "dot", testid: "unread", "aria-label": `未読${count}件` }, String(count)) : null);
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
