// What LINE, Twilio and the card gateway have received, and the switches that make something go wrong.

import { read, tell } from "./api.js";
import { byId, byTestId, complain, el, showDay, showNumber } from "./dom.js";

const STATUS = { succeeded: "成功", declined: "お断り", requires_action: "認証待ち", canceled: "取消" };
const REASONS = {
  insufficient_funds: "残高不足", stolen_card: "盗難カード", lost_card: "紛失カード", do_not_honor: "カード会社の判断",
  expired_card: "期限切れ", processing_error: "処理エラー", restricted_card: "利用制限",
  authentication_required: "本人認証が必要", authentication_failed: "本人認証できず",
};

let drawn = "";

export function startWorld(faults, webBase) {
  byId("faults").replaceChildren(...faults.map((fault) => el("button", {
    type: "button", class: "quiet", testid: `fault-${fault.id}`, onclick: () => press(fault.id),
  }, fault.label)));
  byId("apply-link").href = `${webBase}/apply`;
}

export async function refreshWorld() {
  const received = await read("/api/received").catch(() => null);
  if (received === null) return;
  const signature = JSON.stringify(received);
  if (signature === drawn) return;
  drawn = signature;
  byId("received").replaceChildren(gateway(received.gateway), line(received.line), twilio(received.twilio));
}

async function press(id) {
  try {
    byTestId("fault-done").textContent = (await tell(`/api/faults/${id}`)).done;
  } catch (error) {
    complain(error.message);
  }
}

function gateway(told) {
  return card("gateway", "決済代行会社", [
    ["count-taken", "成立", told.taken, "件"], ["count-yen", "合計", told.yen, "円"],
    ["count-declined", "お断り", told.declined, "件"], ["count-cards", "登録カード", told.cards, "枚"],
    ["count-registrations", "登録の受付", told.registrations, "件"], ["count-refunds", "返金", told.refunds, "件"],
  ], told.latest.length ? el("ul", { class: "charges" }, ...told.latest.map(charge)) : el("p", { class: "small" }, "決済はまだありません。"));
}

function charge(one) {
  const reason = one.decline_code ? `：${REASONS[one.decline_code] ?? one.decline_code}` : "";
  return el("li", { testid: "charge", "data-status": one.status, "data-reference": one.reference },
    el("span", { class: "charge-yen" }, `${showNumber(one.amount)}円`),
    el("span", { class: `badge is-${one.status}` }, `${STATUS[one.status] ?? one.status}${reason}`),
    el("span", { class: "charge-rest" }, `${one.reference} ・ カード末尾${one.last4}`),
    el("span", { class: "charge-rest" }, `${showDay(new Date(one.created * 1000))} ・ ${one.present ? "お客様の操作" : "自動のお支払い"}`));
}

function line(told) {
  return card("line", "LINE", [
    ["count-pushes", "プッシュ", told.pushes, "件"], ["count-replies", "返信", told.replies, "件"],
    ["count-webhooks", "Webhook", told.webhooks, "件"], ["count-duplicates", "二重を拒否", told.duplicates, "件"],
    ["count-refused", "エラー応答", told.refused, "件"],
  ]);
}

function twilio(told) {
  return card("twilio", "Twilio（SMS）", [
    ["count-sent", "送信", told.sent, "件"], ["count-segments", "課金単位", told.segments, "通分"],
    ["count-delivered", "届いた", told.delivered, "件"], ["count-failed", "届かない", told.failed, "件"],
    ["count-received", "受信", told.received, "件"], ["count-refused", "エラー応答", told.refused, "件"],
  ]);
}

function card(id, title, counts, more = null) {
  const raw = el("a", { href: `/api/raw/${id}`, target: "_blank", rel: "noopener", class: "raw" }, "すべて（JSON）");
  raw.append(el("span", { class: "unseen" }, `：${title}`));
  return el("section", { class: "received", testid: `received-${id}` },
    el("div", { class: "received-head" }, el("h3", {}, title), raw),
    el("dl", { class: "counts" }, ...counts.map(([testid, term, value, unit]) =>
      el("div", {}, el("dt", {}, term), el("dd", {}, el("b", { testid }, showNumber(value)), unit)))),
    more);
}
