/* The card fields inside the merchant's page. Plain ES2017, no libraries.
   It talks only to the origin that the registration named, and to the gateway itself. */
(() => {
  "use strict";

  const body = document.body;
  const origin = body.dataset.origin;
  const form = document.getElementById("card");
  const texts = form ? JSON.parse(form.dataset.texts) : {};
  const brandNames = form ? JSON.parse(form.dataset.brands) : {};
  const names = ["number", "expiry", "cvc", "name"];
  const FAILED = "通信できませんでした。電波の状態をご確認のうえ、もう一度お試しください。";
  const TIMEOUT_MS = 30000;
  let busy = false;
  let lastHeight = 0;

  const field = (name) => document.getElementById(name);
  const height = () => Math.ceil(body.getBoundingClientRect().height);

  const tell = (type, extra) => {
    lastHeight = height();
    if (window.parent === window) { return; }
    const message = Object.assign({ source: "tsukibarai-gateway", type, height: lastHeight }, extra);
    window.parent.postMessage(message, origin);
  };

  /* ---- reading what was typed -------------------------------------------------- */
  const plain = (text) => (text.normalize ? text.normalize("NFKC") : text).trim();
  const digitsOf = (text) => plain(text).replace(/[\s\-‐‑‒–—―−ー]/g, "");

  const BRANDS = [
    ["visa", /^4/], ["mastercard", /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/],
    ["amex", /^3[47]/], ["jcb", /^35(2[89]|[3-8])/], ["diners", /^3(0[0-5]|095|6|[89])/],
    ["refused", /^(6011|64[4-9]|65|62)/],
  ];
  const brandOf = (digits) => {
    const found = BRANDS.find((brand) => brand[1].test(digits));
    return found ? found[0] : "";
  };

  const passesLuhn = (digits) => {
    let total = 0;
    for (let place = 0; place < digits.length; place += 1) {
      const value = Number(digits[digits.length - 1 - place]) * (1 + (place % 2));
      total += value > 9 ? value - 9 : value;
    }
    return total % 10 === 0;
  };

  const readExpiry = (text) => {
    const squeezed = plain(text).replace(/\s/g, "");
    const late = /^(\d{4})[/-](\d{1,2})$/.exec(squeezed);
    if (late) { return { month: Number(late[2]), year: Number(late[1]) }; }
    const usual = /^(\d{1,2})[/-](\d{2}|\d{4})$/.exec(squeezed) || /^(\d{2})(\d{2}|\d{4})$/.exec(squeezed);
    if (!usual) { return null; }
    const year = Number(usual[2]);
    return { month: Number(usual[1]), year: year < 100 ? 2000 + year : year };
  };

  /* Only the shape is judged here; the gateway's clock decides whether the card is expired. */
  const judges = {
    number(text) {
      const digits = digitsOf(text);
      if (digits === "") { return texts.NUMBER_MISSING; }
      if (!/^\d{13,19}$/.test(digits) || !passesLuhn(digits)) { return texts.NUMBER_WRONG; }
      return "";
    },
    expiry(text) {
      const expiry = readExpiry(text);
      return expiry && expiry.month >= 1 && expiry.month <= 12 ? "" : texts.EXPIRY_WRONG;
    },
    cvc(text) { return /^\d{3,4}$/.test(plain(text)) ? "" : texts.CVC_WRONG; },
    name(text) {
      const name = plain(text);
      if (name === "") { return texts.NAME_MISSING; }
      if (/\d/.test(name)) { return texts.NAME_HAS_DIGITS; }
      return /^[A-Za-z][A-Za-z .,'\-/]{0,44}$/.test(name) ? "" : texts.NAME_WRONG;
    },
  };

  /* ---- showing ------------------------------------------------------------------ */
  const isComplete = () => names.every((name) => judges[name](field(name).value) === "");
  const changed = () => tell("changed", { complete: isComplete() });

  const showError = (name, text) => {
    const input = field(name);
    document.getElementById(name + "-error").textContent = text;
    if (text) { input.setAttribute("aria-invalid", "true"); } else { input.removeAttribute("aria-invalid"); }
  };

  const showBanner = (text) => { document.getElementById("banner").textContent = text; };

  const showBrand = () => {
    const brand = brandOf(digitsOf(field("number").value));
    const shown = document.getElementById("brand");
    const name = brandNames[brand] || "";
    if (shown.textContent !== name) { shown.textContent = name; }
    return brand;
  };

  const grouped = (digits) => {
    const brand = brandOf(digits);
    const sizes = brand === "amex" || brand === "diners" ? [4, 6, 9] : [4, 4, 4, 7];
    const parts = [];
    let from = 0;
    sizes.forEach((size) => {
      if (from < digits.length) { parts.push(digits.slice(from, from + size)); }
      from += size;
    });
    return parts.join(" ");
  };

  const tidyNumber = (input) => {
    const digits = digitsOf(input.value);
    if (/^\d{1,19}$/.test(digits)) { input.value = grouped(digits); }
  };

  const tidyExpiry = (input) => {
    const expiry = readExpiry(input.value);
    if (!expiry) { return; }
    const two = (number) => ("0" + (number % 100)).slice(-2);
    input.value = two(expiry.month) + "/" + two(expiry.year);
  };

  /* While typing, tidy only at the end of the text, so that the caret never jumps. */
  const tidyWhileTyping = (input, event) => {
    const isDeleting = event.inputType && event.inputType.indexOf("delete") === 0;
    const isAtEnd = input.selectionStart === input.value.length;
    if (isDeleting || !isAtEnd || event.isComposing) { return; }
    if (input.id === "number") { tidyNumber(input); }
    if (input.id === "expiry" && /^(0[1-9]|1[0-2])$/.test(plain(input.value))) {
      input.value = plain(input.value) + "/";
    }
    /* Who types the slash as well has typed it once, not twice. */
    if (input.id === "expiry") { input.value = input.value.replace(/[/／]{2,}/, "/"); }
  };

  const judgeOnLeaving = (name) => {
    const input = field(name);
    if (name === "number") { tidyNumber(input); }
    if (name === "expiry") { tidyExpiry(input); }
    if (input.value === "") { return; }
    const refused = name === "number" && showBrand() === "refused";
    showError(name, refused ? texts.BRAND_REFUSED : judges[name](input.value));
    changed();
  };

  /* ---- handing over --------------------------------------------------------------- */
  const judgeAll = () => {
    const wrong = names.filter((name) => {
      const text = judges[name](field(name).value);
      showError(name, text);
      return text !== "";
    });
    if (wrong.length > 0) { field(wrong[0]).focus(); }
    return wrong.map((name) => judges[name](field(name).value));
  };

  const post = () => {
    const typed = {};
    names.forEach((name) => { typed[name] = field(name).value; });
    const controller = window.AbortController ? new AbortController() : null;
    const timer = setTimeout(() => { if (controller) { controller.abort(); } }, TIMEOUT_MS);
    const stop = () => clearTimeout(timer);
    const request = fetch(window.location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(typed),
      credentials: "omit",
      signal: controller ? controller.signal : undefined,
    }).then((response) => {
      if (!response.ok) { throw new Error("status " + response.status); }
      return response.json();
    });
    request.then(stop, stop);
    return request;
  };

  const finish = (answer) => {
    form.reset();
    form.hidden = true;
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.setAttribute("role", "status");
    notice.textContent = answer.message;
    body.appendChild(notice);
  };

  const refuse = (answer) => {
    const wrong = Object.keys(answer.errors);
    field("cvc").value = "";
    wrong.forEach((name) => showError(name, answer.errors[name]));
    showBanner(wrong.length === 0 ? answer.message : "");
    if (wrong.length > 0) { field(wrong[0]).focus(); }
  };

  const follow = (answer) => {
    if (answer.result === "challenge") {
      tell("challenge");
      window.location.replace(answer.url);
    } else if (answer.result === "succeeded") {
      finish(answer);
      tell("succeeded", { message: answer.message });
    } else if (answer.result === "expired") {
      window.location.reload();
    } else {
      refuse(answer);
      const count = Object.keys(answer.errors).length;
      tell(answer.result, { message: answer.message, count, complete: false });
    }
  };

  const lock = (isLocked) => {
    busy = isLocked;
    names.forEach((name) => { field(name).readOnly = isLocked; });
    form.setAttribute("aria-busy", String(isLocked));
  };

  const submit = async () => {
    if (busy || !form) { return; }
    showBanner("");
    const wrong = judgeAll();
    if (wrong.length > 0) { tell("invalid", { message: wrong[0], count: wrong.length, complete: false }); return; }
    lock(true);
    tell("submitted");
    try {
      follow(await post());
    } catch (error) {
      showBanner(FAILED);
      tell("invalid", { message: FAILED });
    }
    lock(false);
  };

  /* ---- wiring ------------------------------------------------------------------------ */
  const onKey = (event) => {
    if (event.key !== "Enter" || event.isComposing) { return; }
    event.preventDefault();
    const next = field(names[names.indexOf(event.target.id) + 1]);
    if (next) { next.focus(); } else { submit(); }
  };

  const wire = () => {
    names.forEach((name) => {
      const input = field(name);
      input.addEventListener("input", (event) => {
        tidyWhileTyping(input, event);
        if (name === "number") { showBrand(); }
        showError(name, "");
        changed();
      });
      input.addEventListener("blur", () => judgeOnLeaving(name));
      input.addEventListener("keydown", onKey);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
  };

  window.addEventListener("message", (event) => {
    if (event.origin !== origin || event.source !== window.parent) { return; }
    if (event.data && event.data.type === "submit") { submit(); }
  });

  const watchHeight = () => {
    const report = () => { if (height() !== lastHeight) { tell("changed", { complete: Boolean(form) && isComplete() }); } };
    if (window.ResizeObserver) { new ResizeObserver(report).observe(body); }
    window.addEventListener("resize", report);
  };

  const start = () => {
    if (form) { wire(); }
    const state = body.dataset.state;
    const message = body.dataset.message;
    if (state === "challenge") { tell("challenge"); } else { tell("ready"); }
    if (state === "succeeded") { tell("succeeded", { message }); }
    if (state === "declined") { tell("declined", { message, complete: false }); }
    if (state === "expired") { tell("expired", { message }); }
    watchHeight();
  };

  start();
})();
