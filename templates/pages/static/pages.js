/* The only script of the pages. Without it everything works as well: the card is then entered on the gateway's own page. */
(() => {
  "use strict";

  const say = (place, text) => { if (place) { place.textContent = text; } };

  /* A form that moves money: the button rests after the first press. The server counts one press anyway. */
  const pressOnce = (form) => {
    const button = form.querySelector("button");
    form.addEventListener("submit", (event) => {
      if (form.dataset.pressed) { event.preventDefault(); return; }
      form.dataset.pressed = "yes";
      say(form.querySelector("[role=status]"), form.dataset.once);
      setTimeout(() => { button.disabled = true; }, 0);
    });
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) { window.location.reload(); }
    });
  };

  /* The gateway's frame: it tells its height and how it goes, and obeys "submit". It never tells a card number.
     Until it speaks, nothing can be pressed; if it stays silent, its own page is offered instead. */
  const guideFrame = (panel) => {
    const origin = panel.dataset.gateway;
    const part = (id) => document.getElementById(id);
    let hasSpoken = false;
    let wasPressed = false;

    const offerFrame = (isOffered) => {
      part("card-elsewhere").hidden = isOffered;
      panel.hidden = !isOffered;
    };
    const giveUpSoon = (milliseconds) => setTimeout(() => {
      if (hasSpoken) { return; }
      say(part("card-status"), panel.dataset.slow);
      offerFrame(false);
    }, milliseconds);

    const rest = (isBusy) => { part("card-submit").disabled = isBusy; };
    /* A button that rests or goes loses the focus to the whole page: the keyboard would start at its top again. */
    const keepFocus = (id) => {
      if (wasPressed && document.activeElement === document.body) { part(id).focus(); }
    };
    const summary = (told) => {
      if (told.count > 0) { return panel.dataset.wrong.replace("{count}", Number(told.count)); }
      return typeof told.message === "string" ? told.message : "";
    };
    const heard = {
      ready() { say(part("card-status"), ""); rest(false); },
      changed() {},
      submitted() {
        wasPressed = true;
        say(part("card-error"), "");
        say(part("card-status"), panel.dataset.busy);
        rest(true);
      },
      challenge() {
        say(part("card-status"), panel.dataset.challenge);
        part("card-submit").hidden = true;
        part("card-frame").focus();
        part("card-frame").scrollIntoView({ block: "nearest" });
      },
      succeeded() {
        say(part("card-status"), panel.dataset.succeeded);
        part("card-submit").hidden = true;
        window.location.replace(panel.dataset.next);
      },
      declined(told) { heard.invalid(told); },
      invalid(told) {
        say(part("card-status"), "");
        say(part("card-error"), summary(told));
        part("card-submit").hidden = false;
        rest(false);
        keepFocus("card-submit");
      },
      expired() {
        say(part("card-status"), "");
        say(part("card-error"), "");
        part("card-reload").hidden = false;
        part("card-submit").hidden = true;
        keepFocus("card-reload");
      },
    };

    window.addEventListener("message", (event) => {
      const frame = part("card-frame");
      const told = event.data;
      if (!frame || event.source !== frame.contentWindow || event.origin !== origin) { return; }
      if (!told || told.source !== "tsukibarai-gateway" || !Object.keys(heard).includes(told.type)) { return; }
      hasSpoken = true;
      frame.style.visibility = "visible";
      offerFrame(true);
      if (told.height > 0) {
        frame.style.minHeight = "0";
        frame.style.height = `${Math.min(Math.ceil(told.height), 2000) + 2}px`;
      }
      heard[told.type](told);
    });

    document.addEventListener("DOMContentLoaded", () => {
      part("card-submit").addEventListener("click", () => {
        part("card-frame").contentWindow.postMessage({ type: "submit" }, origin);
      });
      /* An error page of the browser loads, too. */
      part("card-frame").addEventListener("load", () => giveUpSoon(3000));
    });
    say(part("card-status"), panel.dataset.loading);
    giveUpSoon(10000);
    offerFrame(true);
  };

  const panel = document.getElementById("card-entry");
  if (panel) { guideFrame(panel); }
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("form[data-once]").forEach(pressOnce);
  });
})();
