// Enhances pages that already work without it. Each section looks for its own attribute and leaves the rest alone.
"use strict";

// ---------- Live parts: <div data-live="/fragment"> is fetched again while its content says data-settled="false". ----------

for (const part of document.querySelectorAll("[data-live]")) {
  const unsettled = () => part.querySelector("[data-settled='false']");
  const status = document.createElement("p"); // Says what changed to those who do not see it, rather than the whole part again.
  status.className = "unseen";
  status.role = "status";
  part.after(status);
  const refresh = async () => {
    try {
      const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 401 || answer.status === 403) return; // Signed out: the next click says so.
      const html = answer.ok ? await answer.text() : null;
      if (html !== null && html !== part.dataset.shown) {
        const focused = part.contains(document.activeElement);
        part.innerHTML = html;
        part.dataset.shown = html;
        status.textContent = part.firstElementChild?.dataset.announce ?? "";
        if (focused) part.querySelector("summary, a")?.focus();
      }
    } catch { /* The network is away: try again. */ }
    if (unsettled()) setTimeout(refresh, 2000);
  };
  if (unsettled()) setTimeout(refresh, 2000);
}

// ---------- Copy buttons: <button data-copy="id" hidden> appear when the clipboard can be written. ----------

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}

// ---------- On a phone the navigation scrolls sideways: show where we are. ----------

document.querySelector("header [aria-current='page']")?.scrollIntoView({ block: "nearest", inline: "center" });

// ---------- Forms are sent once: a second click while the answer is on its way does nothing. ----------

for (const form of document.querySelectorAll("form[method='post']")) {
  form.addEventListener("submit", event => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// ---------- Signup: <input data-slug> asks whether the name is free while it is typed. The server checks again. ----------

for (const input of document.querySelectorAll("input[data-slug]")) {
  const answer = document.querySelector("[data-slug-answer]");
  let pause;
  const ask = async () => {
    const slug = input.value;
    try {
      const reply = await fetch(`/v1/signup/slug/${encodeURIComponent(slug)}`);
      if (!reply.ok || slug !== input.value) return; // Asked too often, or typed on meanwhile.
      const { available, reason } = await reply.json();
      answer.textContent = available ? `${slug} is free.` : reason;
      answer.className = available ? "hint" : "error";
    } catch { /* The network is away: the server says so when the form is sent. */ }
  };
  input.addEventListener("input", () => {
    const lower = input.value.toLowerCase().replace(/[ _.]/g, "-");
    if (lower !== input.value) input.value = lower;
    clearTimeout(pause);
    answer.textContent = "";
    if (input.value.length >= 3) pause = setTimeout(ask, 300);
  });
}
