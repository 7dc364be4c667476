// Turns addresses in a text into links, line by line; a link ends where ASCII ends.

import { el } from "./dom.js";

const ADDRESS = /https?:\/\/[\x21-\x7e]+/g;
const OPENABLE = /^(https?|tel|mailto):/i;

export const isOpenable = (uri) => OPENABLE.test(uri);

export function link(uri, label, className = "") {
  return el("a", { href: uri, target: "_blank", rel: "noopener", class: className, testid: "uri" }, label);
}

export function linked(text) {
  const nodes = [];
  text.split("\n").forEach((line, index) => {
    if (index > 0) nodes.push("\n");
    nodes.push(...linkedLine(line));
  });
  return nodes;
}

function linkedLine(line) {
  const nodes = [];
  let end = 0;
  for (const found of line.matchAll(ADDRESS)) {
    nodes.push(line.slice(end, found.index), link(found[0], found[0]));
    end = found.index + found[0].length;
  }
  nodes.push(line.slice(end));
  return nodes;
}
