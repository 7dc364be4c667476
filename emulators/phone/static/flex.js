// Draws flex messages: bubbles and carousels of boxes, texts, buttons and separators.
//
// Sizes are LINE's keywords in pixels. Styles are set as properties, because the page's policy allows no style attributes.

import { actionElement, shell } from "./actions.js";
import { el } from "./dom.js";

const SPACE = { none: 0, xs: 2, sm: 4, md: 8, lg: 12, xl: 16, xxl: 20 };
const FONT = { xxs: 11, xs: 12, sm: 13, md: 15, lg: 17, xl: 20, xxl: 26, "3xl": 32, "4xl": 38, "5xl": 46 };
const BUBBLE = { nano: 130, micro: 170, deca: 220, hecto: 241, kilo: 260, mega: 300, giga: 386 };
const BORDER = { none: 0, light: 1, normal: 1, "semi-bold": 2, medium: 2, bold: 3 };
const ALIGN = { start: "left", center: "center", end: "right" };
const PLACE = { "flex-start": "flex-start", "flex-end": "flex-end", center: "center", top: "flex-start", bottom: "flex-end" };
const PADDINGS = [["paddingAll", "padding"], ["paddingTop", "paddingTop"], ["paddingBottom", "paddingBottom"],
  ["paddingStart", "paddingLeft"], ["paddingEnd", "paddingRight"]];

export function drawFlex(contents, talk) {
  if (contents.type !== "carousel") return drawBubble(contents, talk);
  const bubbles = contents.contents.map((bubble) => drawBubble(bubble, talk));
  return el("div", { class: "carousel", role: "group", "aria-label": "横に並んだカード", tabindex: "0" }, ...bubbles);
}

function drawBubble(bubble, talk) {
  const root = shell(bubble.action, talk, "flex-bubble");
  root.style.maxWidth = `${BUBBLE[bubble.size] ?? BUBBLE.mega}px`;
  if (bubble.direction === "rtl") root.dir = "rtl";
  for (const name of ["header", "hero", "body", "footer"]) {
    if (!bubble[name]) continue;
    const block = draw(bubble[name], talk, { layout: "vertical" });
    block.classList.add(`flex-${name}`);
    styleBlock(block, bubble.styles?.[name] ?? {});
    root.append(block);
  }
  return root;
}

function styleBlock(block, style) {
  if (style.backgroundColor) block.style.backgroundColor = style.backgroundColor;
  if (style.separator) block.style.borderTop = `1px solid ${style.separatorColor ?? "#d6dae2"}`;
}

function draw(component, talk, parent) {
  const drawers = { box, text, button, separator, filler, spacer: filler, image: picture, icon, video: picture, span: text };
  const element = (drawers[component.type] ?? filler)(component, talk, parent);
  place(element, component, parent);
  return element;
}

function place(element, component, parent) {
  const isRow = parent.layout !== "vertical";
  const grow = component.flex ?? (isRow && component.type !== "separator" && component.type !== "icon" ? 1 : 0);
  element.style.flex = grow > 0 ? `${grow} ${grow} 0` : "0 0 auto";
  if (!isRow && grow > 0) element.style.flexBasis = "auto";
  const gap = component.margin ?? (parent.isFirst ? null : parent.spacing);
  if (gap) element.style[isRow ? "marginLeft" : "marginTop"] = length(gap);
  if (component.gravity && isRow) element.style.alignSelf = PLACE[component.gravity] ?? "stretch";
  if (component.width) Object.assign(element.style, { width: length(component.width), flex: "0 0 auto" });
  if (component.maxWidth) element.style.maxWidth = length(component.maxWidth);
  if (component.height && component.type === "box") element.style.height = length(component.height);
  if (component.position === "absolute") absolute(element, component);
}

function absolute(element, component) {
  element.style.position = "absolute";
  for (const [from, to] of [["offsetTop", "top"], ["offsetBottom", "bottom"], ["offsetStart", "left"], ["offsetEnd", "right"]]) {
    if (component[from]) element.style[to] = length(component[from]);
  }
}

function box(component, talk) {
  const element = shell(component.action, talk, `flex-box flex-${component.layout}`);
  const { style } = element;
  for (const [from, to] of PADDINGS) if (component[from]) style[to] = length(component[from]);
  if (component.backgroundColor) style.backgroundColor = component.backgroundColor;
  if (component.cornerRadius) style.borderRadius = length(component.cornerRadius);
  if (component.borderWidth) style.border = `${BORDER[component.borderWidth] ?? parseFloat(component.borderWidth)}px solid`;
  if (component.borderColor) style.borderColor = component.borderColor;
  if (component.justifyContent) style.justifyContent = component.justifyContent;
  if (component.alignItems) style.alignItems = component.alignItems;
  component.contents.forEach((child, index) => {
    const parent = { layout: component.layout, spacing: component.spacing, isFirst: index === 0 };
    element.append(draw(child, talk, parent));
  });
  return element;
}

function text(component, talk) {
  const element = shell(component.action, talk, "flex-text");
  style(element, component);
  element.style.textAlign = ALIGN[component.align] ?? "left";
  element.classList.toggle("is-wrapped", Boolean(component.wrap));
  if (component.lineSpacing) element.style.lineHeight = `calc(1.4em + ${component.lineSpacing})`;
  if (component.contents) element.append(...component.contents.map(span));
  else element.append(component.text ?? "");
  return element;
}

function span(component) {
  const element = el("span", {}, component.text ?? "");
  style(element, component);
  return element;
}

function style(element, { size, color, weight, style: slant, decoration }) {
  if (size) element.style.fontSize = `${FONT[size] ?? parseFloat(size)}px`;
  if (color) element.style.color = color;
  if (weight === "bold") element.style.fontWeight = "700";
  if (slant === "italic") element.style.fontStyle = "italic";
  if (decoration && decoration !== "none") element.style.textDecoration = decoration;
}

function button(component, talk) {
  const kind = component.style ?? "link";
  const element = actionElement(component.action, talk, { className: `flex-button is-${kind}` });
  if (component.height === "sm") element.classList.add("is-small");
  if (component.color) element.style[kind === "link" ? "color" : "backgroundColor"] = component.color;
  return element;
}

function separator(component, _talk, parent) {
  const element = el("div", { class: parent.layout === "vertical" ? "flex-line" : "flex-line is-upright", role: "presentation" });
  if (component.color) element.style.backgroundColor = component.color;
  return element;
}

function filler(component) {
  const element = el("div", {});
  if (component.size) element.style.height = length(component.size);
  return element;
}

// Pictures of other origins are never fetched: a frame says that there is one.
function picture(component, talk) {
  const element = shell(component.action, talk, "flex-picture");
  if (component.aspectRatio) element.style.aspectRatio = component.aspectRatio.replace(":", " / ");
  element.append(component.type === "video" ? "動画" : "画像");
  return element;
}

function icon() {
  return el("span", { class: "flex-icon", "aria-hidden": "true" }, "◆");
}

function length(value) {
  return value in SPACE ? `${SPACE[value]}px` : value;
}
