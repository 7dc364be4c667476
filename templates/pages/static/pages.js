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

  /* The gateway's frame: it tells its height and how it goes, and obeys "submit". It never tells a card number. */
  const guideFrame = (panel) => {
    const origin = panel.dataset.gateway;
    const part = (id) => document.getElementById(id);
    const slow = setTimeout(() => say(part("card-error"), panel.dataset.slow), 15000);

    const rest = (isBusy) => { part("card-submit").disabled = isBusy; };
    const heard = {
      ready() { rest(false); },
      changed() {},
      submitted() { say(part("card-error"), ""); say(part("card-status"), panel.dataset.busy); rest(true); },
      challenge() {
        say(part("card-status"), panel.dataset.challenge);
        part("card-submit").hidden = true;
        part("card-frame").scrollIntoView({ block: "nearest" });
      },
      succeeded() {
        say(part("card-status"), panel.dataset.succeeded);
        part("card-submit").hidden = true;
        window.location.replace(panel.dataset.next);
      },
      declined(message) { heard.invalid(message); },
      invalid(message) {
        say(part("card-status"), "");
        say(part("card-error"), message || "");
        part("card-submit").hidden = false;
        rest(false);
      },
    };

    window.addEventListener("message", (event) => {
      const frame = part("card-frame");
      const told = event.data;
      if (!frame || event.source !== frame.contentWindow || event.origin !== origin) { return; }
      if (!told || told.source !== "tsukibarai-gateway" || !Object.keys(heard).includes(told.type)) { return; }
      clearTimeout(slow);
      if (told.type === "ready") { say(part("card-error"), ""); }
      if (told.height > 0) {
        frame.style.minHeight = "0";
        frame.style.height = `${Math.min(Math.ceil(told.height), 2000) + 2}px`;
      }
      heard[told.type](typeof told.message === "string" ? told.message : "");
    });

    document.addEventListener("DOMContentLoaded", () => {
      part("card-submit").addEventListener("click", () => {
        part("card-frame").contentWindow.postMessage({ type: "submit" }, origin);
      });
    });
    panel.hidden = false;
  };

  const panel = document.getElementById("card-entry");
  if (panel) { guideFrame(panel); }
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("form[data-once]").forEach(pressOnce);
  });
})();
