// LINE's actions as elements: a link where a page opens, a button where something is sent.
//
// `talk` is the conversation that an action speaks into: say(text), post({data, displayText, params}), fill(text).

import { complain, el } from "./dom.js";
import { isOpenable, link } from "./links.js";

export function actionElement(action, talk, { label, className = "", testid = "line-action" }) {
  const content = label ?? action.label ?? "";
  if (action.type === "uri" && isOpenable(action.uri)) return link(action.uri, content, className);
  if (action.type === "datetimepicker") return picker(action, talk, { content, className, testid });
  return el("button", { type: "button", class: className, testid, onclick: () => perform(action, talk) }, content);
}

// Makes an empty element for a component that may carry an action of its own.
export function shell(action, talk, className) {
  if (!action) return el("div", { class: className });
  return actionElement(action, talk, { label: "", className: `${className} pressable` });
}

function perform(action, talk) {
  switch (action.type) {
    case "message":
      return talk.say(action.text);
    case "postback":
      return postback(action, talk);
    case "clipboard":
      return navigator.clipboard.writeText(action.clipboardText).catch(() => complain("コピーできませんでした。"));
    case "uri":
      return complain("このアドレスは、ここでは開けません。");
    default:
      return complain("この操作は、この画面では試せません。");
  }
}

async function postback(action, talk) {
  const posted = { data: action.data };
  if (action.displayText) posted.displayText = action.displayText;
  await talk.post(posted);
  if (action.text) await talk.say(action.text);
  if (action.inputOption === "openKeyboard") talk.fill(action.fillInText ?? "");
}

function picker(action, talk, { content, className, testid }) {
  const type = { date: "date", time: "time", datetime: "datetime-local" }[action.mode];
  const send = (event) => event.target.value && talk.post({ data: action.data, params: { [action.mode]: event.target.value } });
  const input = el("input", { type, min: action.min, max: action.max, value: action.initial, testid, onchange: send });
  return el("label", { class: `${className} picker` }, content, input);
}
