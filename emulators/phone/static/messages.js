// One LINE message as elements: what stands in a bubble.

import { actionElement } from "./actions.js";
import { el } from "./dom.js";
import { drawFlex } from "./flex.js";
import { linked } from "./links.js";

const NAMES = { image: "画像", video: "動画", audio: "音声", file: "ファイル", imagemap: "画像のメニュー" };

// Returns the element and whether it is a card of its own, without the bubble's frame.
export function drawMessage(message, talk) {
  switch (message.type) {
    case "text":
    case "textV2":
      return { element: el("p", { class: "words" }, ...linked(message.text)), isCard: false };
    case "flex":
      return { element: labelled(drawFlex(message.contents, talk), message.altText), isCard: true };
    case "template":
      return { element: labelled(drawTemplate(message.template, talk), message.altText), isCard: true };
    case "sticker":
      return { element: el("p", { class: "sticker-picture", role: "img", "aria-label": "スタンプ" }, "😊"), isCard: true };
    case "location":
      return { element: el("p", { class: "words" }, `📍 ${message.title ?? "位置情報"}\n${message.address ?? ""}`), isCard: false };
    case "unsent":
      return { element: el("p", { class: "words faint" }, "送信を取り消しました"), isCard: false };
    default:
      return { element: el("p", { class: "words faint" }, `（${NAMES[message.type] ?? message.type}）`), isCard: false };
  }
}

function labelled(element, altText) {
  return el("div", { role: "group", "aria-label": altText || "カード" }, element);
}

function drawTemplate(template, talk) {
  if (template.type === "carousel" || template.type === "image_carousel") {
    const columns = template.columns.map((column) => drawColumn(column, talk));
    return el("div", { class: "carousel", role: "group", "aria-label": "横に並んだカード", tabindex: "0" }, ...columns);
  }
  return drawColumn(template, talk, template.type === "confirm");
}

function drawColumn({ title, text, actions, action, imageUrl, thumbnailImageUrl }, talk, isSideBySide = false) {
  const buttons = (actions ?? [action]).filter(Boolean);
  return el("div", { class: "flex-bubble template" },
    imageUrl || thumbnailImageUrl ? el("div", { class: "flex-picture" }, "画像") : null,
    title || text ? el("div", { class: "template-words" },
      title ? el("p", { class: "template-title" }, title) : null,
      text ? el("p", { class: "words" }, text) : null) : null,
    el("div", { class: isSideBySide ? "template-actions is-row" : "template-actions" },
      ...buttons.map((one) => actionElement(one, talk, { className: "flex-button is-link" }))));
}
