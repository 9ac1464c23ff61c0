// Keys and countdowns. Every page works without this file; nothing here decides what may be seen.
"use strict";

(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const KEYS_OFF = "single-keys-off"; // the only thing kept in the browser: a preference
  const REVEAL_PAUSE_MS = 700; // waiting for a second digit when there are ten values or more

  const form = one("[data-look-up]");
  const box = form && form.querySelector("#number");
  const purposes = form ? [...form.querySelectorAll("input[name=purpose]")] : [];
  const dialog = one("#keys");
  const status = one("#status");
  const on = (element, event, act) => element && element.addEventListener(event, act);

  all(".js, .key-help").forEach((element) => { element.hidden = false; });

  // -- the look-up form: Enter goes on to the purpose, a digit chooses it, Enter sends --------------------------

  on(box, "keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (!box.value.trim()) { box.reportValidity(); return; }
    (purposes.find((purpose) => purpose.checked) || purposes[0]).focus();
  });

  const choosePurpose = (digit) => {
    const purpose = purposes[digit - 1];
    if (!purpose) return;
    purpose.checked = true;
    purpose.focus();
  };

  // -- revealing one value: shown, counted down, masked again ----------------------------------------------------

  // A value keeps its number while it is shown, so that no number moves under a finger.
  const reveals = () => all("form[data-reveal]").filter((element) => !element.closest("details:not([open])"));

  const number = () => {
    all("form[data-reveal] kbd").forEach((mark) => { mark.hidden = true; });
    if (singleKeysOff()) return;
    reveals().forEach((element, index) => {
      const mark = element.querySelector("kbd");
      mark.hidden = false;
      mark.textContent = `r${index + 1}`;
    });
  };

  const showing = new Set();
  const hideAll = () => [...showing].forEach((hide) => hide());

  const show = (element, answer) => {
    const place = element.parentElement;
    const mask = place.querySelector(".mask");
    const clear = document.createElement("span");
    clear.className = "clear";
    clear.textContent = answer.value;
    const left = document.createElement("span");
    left.className = "left";
    left.setAttribute("role", "timer");
    const bar = document.createElement("progress");
    bar.max = answer.seconds;
    bar.setAttribute("aria-hidden", "true");
    const count = document.createElement("span");
    left.append(bar, count);
    const end = Date.now() + answer.seconds * 1000;
    const hide = () => {
      clearInterval(ticking);
      showing.delete(hide);
      clear.textContent = "";
      clear.remove();
      left.remove();
      mask.hidden = false;
      element.hidden = false;
      status.textContent = dialog.dataset.hidden;
    };
    const tick = () => {
      const seconds = Math.ceil((end - Date.now()) / 1000);
      if (seconds <= 0) { hide(); return; }
      bar.value = seconds;
      count.textContent = `${seconds} s`;
    };
    mask.hidden = true;
    element.hidden = true;
    place.prepend(clear, left);
    showing.add(hide);
    const ticking = setInterval(tick, 250);
    tick();
    status.textContent = dialog.dataset.shown;
  };

  const reveal = async (element) => {
    const button = element.querySelector("button");
    if (element.hidden || button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(element.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(element)),
        headers: { Accept: "application/json" },
        redirect: "manual",
        cache: "no-store",
      });
      if (response.type === "opaqueredirect") { location.reload(); return; } // the session has ended
      const answer = await response.json();
      if (response.ok) show(element, answer);
      else fail(element, answer.detail || answer.title);
    } catch {
      fail(element, dialog.dataset.failed);
    } finally {
      button.removeAttribute("aria-busy");
    }
  };

  const fail = (element, words) => {
    let note = element.parentElement.querySelector(".error");
    if (!note) {
      note = document.createElement("p");
      note.className = "error";
      note.setAttribute("role", "alert");
      element.parentElement.append(note);
    }
    note.textContent = words;
  };

  all("form[data-reveal]").forEach((element) => on(element, "submit", (event) => {
    event.preventDefault();
    reveal(element);
  }));
  all("details").forEach((element) => on(element, "toggle", () => number()));
  window.addEventListener("pagehide", hideAll);

  // -- single keys -------------------------------------------------------------------------------------------------

  const singleKeysOff = () => localStorage.getItem(KEYS_OFF) === "1";
  const toggle = one("[data-single-keys]");
  if (toggle) toggle.checked = !singleKeysOff();
  on(toggle, "change", () => {
    if (toggle.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
    number();
  });
  on(one("[data-open=keys]"), "click", () => dialog.showModal());

  let pending = null; // digits typed after "r", or null
  let waiting = 0;

  const settle = () => {
    clearTimeout(waiting);
    const chosen = reveals()[Number(pending) - 1];
    pending = null;
    if (chosen) reveal(chosen);
  };

  const takeDigit = (digit) => {
    if (pending !== null) {
      pending += digit;
      clearTimeout(waiting);
      if (Number(pending) * 10 > reveals().length) settle();
      else waiting = setTimeout(settle, REVEAL_PAUSE_MS);
      return true;
    }
    const choices = all("form[data-choice]");
    if (choices.length && !form.contains(document.activeElement)) {
      const choice = choices[Number(digit) - 1];
      if (choice) choice.requestSubmit();
      return Boolean(choice);
    }
    choosePurpose(Number(digit));
    return purposes.length > 0;
  };

  const acts = {
    "/": () => { if (box) { box.focus(); box.select(); } return Boolean(box); },
    "?": () => { if (dialog) dialog.showModal(); return Boolean(dialog); },
    "a": () => { const ask = one("form[data-ask]"); if (ask) ask.requestSubmit(); return Boolean(ask); },
    "c": () => { const same = one("[data-same-case]"); if (same) same.checked = !same.checked; return Boolean(same); },
    "f": () => {
      const link = one("a[data-file]");
      const field = one("[data-filing] textarea");
      if (link) link.click();
      else if (field) { field.scrollIntoView({ block: "center" }); field.focus(); }
      return Boolean(link || field);
    },
    "g": () => { const grant = one("form[data-grant]"); if (grant) grant.requestSubmit(); return Boolean(grant); },
    "o": () => {
      const link = one("a[data-open-record]:not([hidden])");
      if (link) link.click();
      return Boolean(link);
    },
    "r": () => { pending = ""; return reveals().length > 0; },
    "x": () => { const refuse = one("form[data-refuse]"); if (refuse) refuse.requestSubmit(); return Boolean(refuse); },
    "v": () => {
      const answer = one("details[open] [data-caller] input[name=answer]") || one("[data-caller] input[name=answer]");
      if (answer) { answer.closest("details").open = true; answer.focus(); }
      return Boolean(answer);
    },
  };

  // -- access for a time: counted down by the server's clock, said at five minutes, one minute and the end -----------

  const loaded = Date.now();
  const countdowns = all("[data-until]").map((element) => ({
    element,
    // What is left is taken from the server's two times; this machine's clock only counts on from there.
    end: loaded + Date.parse(element.dataset.until) - Date.parse(element.dataset.now),
    left: Infinity,
  }));

  const countDown = (timer) => {
    const { element } = timer;
    const seconds = Math.max(0, Math.ceil((timer.end - Date.now()) / 1000));
    if (seconds === timer.left) return;
    const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const digits = clock.map((part) => String(part).padStart(2, "0"));
    element.textContent = seconds ? digits.slice(clock[0] ? 0 : 1).join(":") : element.dataset.over;
    const passed = [300, 60, 0].find((mark) => timer.left > mark && seconds <= mark && seconds > mark - 5);
    if (passed !== undefined && "ends" in element.dataset) status.textContent = element.getAttribute(`data-say-${passed}`);
    if (seconds === 0 && "ends" in element.dataset) {
      hideAll();
      all(".record .card, .record .related, .caller, .share").forEach((part) => { part.hidden = true; });
    }
    if (seconds === 0 && "reload" in element.dataset) location.assign(location.pathname);
    timer.left = seconds;
  };

  if (countdowns.length) {
    const tick = () => countdowns.forEach(countDown);
    setInterval(tick, 500);
    tick();
  }

  // -- clocks of incidents: counted down to the deadline and up from it, by the server's two times -----------------------

  const TICKING_S = 48 * 3600; // what is further off stands in days, as the server wrote it
  const faces = all("[data-due]").map((element) => ({
    element,
    digits: element.querySelector(".clock-digits"),
    end: loaded + Date.parse(element.dataset.due) - Date.parse(element.dataset.now),
  }));

  const face = ({ element, digits, end }) => {
    const seconds = Math.floor((end - Date.now()) / 1000);
    if (Math.abs(seconds) >= TICKING_S) return;
    const over = seconds < 0;
    const left = Math.abs(over ? seconds + 1 : seconds);
    const text = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60]
      .map((part) => String(part).padStart(2, "0")).join(":");
    digits.textContent = over ? element.dataset.over.replace("#", text) : text;
    if (over && element.classList.replace("running", "missed")) {
      element.querySelector(".clock-word").textContent = element.dataset.missed;
      const card = element.closest(".clock-face");
      if (card) card.classList.replace("running", "missed");
    }
  };

  if (faces.length) {
    const tickFaces = () => faces.forEach(face);
    setInterval(tickFaces, 500);
    tickFaces();
  }

  // -- a request that waits: its record opens by itself, but never under somebody's typing ---------------------------

  const waits = one("[data-waiting]");
  const POLL_MS = 3000;

  const look = async () => {
    if (Date.now() - loaded > Number(waits.dataset.waiting) * 1000) return;
    let answer = null;
    try {
      const response = await fetch(location.pathname, {
        headers: { Accept: "application/json" }, redirect: "manual", cache: "no-store",
      });
      if (response.type === "opaqueredirect" || response.status === 404) { location.reload(); return; }
      if (response.ok) answer = await response.json();
    } catch { /* the next look may get through */ }
    if (!answer || answer.state === "asked") { setTimeout(look, POLL_MS); return; }
    if (!box || !box.value) { location.assign(answer.open || location.pathname); return; }
    const link = waits.querySelector("[data-open-record]");
    waits.querySelector("[data-state]").textContent = answer.said;
    if (answer.open) { link.href = answer.open; link.hidden = false; }
    status.textContent = answer.open ? link.textContent : answer.said;
  };

  if (waits) setTimeout(look, POLL_MS);

  // -- a plan that is carried out: how far it has come, from the server's own counts -----------------------------------

  const progress = one("[data-progress]");
  let tenths = null; // what was last said aloud: every tenth is

  const lookAtProgress = async () => {
    try {
      const response = await fetch(progress.dataset.progress, { redirect: "manual", cache: "no-store" });
      if (response.type === "opaqueredirect") { location.reload(); return; }
      if (response.ok) {
        const answer = await response.json();
        if (answer.state !== progress.dataset.state) { location.assign(location.pathname); return; }
        const bar = progress.querySelector("progress");
        if (bar) {
          bar.value = answer.settled;
          progress.querySelector("[data-said]").textContent = answer.said;
        }
        const tenth = Math.floor((10 * answer.settled) / answer.total);
        if (bar && tenth !== tenths) status.textContent = answer.said;
        tenths = tenth;
      }
    } catch { /* the next look may get through */ }
    setTimeout(lookAtProgress, POLL_MS);
  };

  if (progress) setTimeout(lookAtProgress, POLL_MS);

  on(one("[data-filing]"), "keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    event.currentTarget.requestSubmit();
  });

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") { pending = null; hideAll(); return; }
    if (event.altKey) {
      const entry = /^Digit[1-9]$/.test(event.code) && one(`[data-menu="${event.code.slice(-1)}"]`);
      if (entry) { event.preventDefault(); entry.click(); }
      return;
    }
    const target = event.target;
    const typing = target.matches("input[type=text], input[type=password], textarea, select")
      || target.closest("[data-filing], [data-caller]"); // its radio buttons and its date take keys of their own
    if (typing || (dialog && dialog.open)) return;
    if (singleKeysOff() && !(purposes.includes(target) && /^[0-9]$/.test(event.key))) return;
    if (event.key === "Enter" && pending) { event.preventDefault(); settle(); return; }
    const done = /^[0-9]$/.test(event.key) ? takeDigit(event.key) : (acts[event.key] || (() => false))();
    if (done) event.preventDefault();
    else if (!/^(Shift|Tab)$/.test(event.key)) pending = null;
  });

  number();
})();
