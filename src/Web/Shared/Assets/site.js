// Progressive enhancement: every page works without it. Each section handles one data attribute.
"use strict";

// ---------- Live parts: <div data-live="/fragment"> is polled while its content has data-settled="false". ----------

for (const part of document.querySelectorAll("[data-live]")) {
  const unsettled = () => part.querySelector("[data-settled='false']");
  const status = document.createElement("p"); // Announces the change to screen readers instead of the whole part.
  status.className = "unseen";
  status.role = "status";
  part.after(status);
  const refresh = async () => {
    try {
      const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 401 || answer.status === 403) return; // Signed out: the next navigation shows the sign-in page.
      const html = answer.ok ? await answer.text() : null;
      if (html !== null && html !== part.dataset.shown) {
        const focused = part.contains(document.activeElement);
        part.innerHTML = html;
        part.dataset.shown = html;
        status.textContent = part.firstElementChild?.dataset.announce ?? "";
        if (focused) part.querySelector("summary, a")?.focus();
      }
    } catch { /* Network error: retry. */ }
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

// ---------- On a phone the navigation scrolls sideways: bring the current page into view. ----------

document.querySelector("header [aria-current='page']")?.scrollIntoView({ block: "nearest", inline: "center" });

// ---------- Prevent double submission of forms. ----------

for (const form of document.querySelectorAll("form[method='post']")) {
  form.addEventListener("submit", event => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// ---------- Signup: <input data-slug> checks availability while typing. The server validates again. ----------

for (const input of document.querySelectorAll("input[data-slug]")) {
  const answer = document.querySelector("[data-slug-answer]");
  let timer;
  const check = async () => {
    const slug = input.value;
    try {
      const reply = await fetch(`/v1/signup/slug/${encodeURIComponent(slug)}`);
      if (!reply.ok || slug !== input.value) return; // Rate limited, or the input has changed.
      const { available, reason } = await reply.json();
      answer.textContent = available ? `${slug} is available.` : reason;
      answer.className = available ? "hint" : "error";
    } catch { /* Network error: the server validates on submit. */ }
  };
  input.addEventListener("input", () => {
    const lower = input.value.toLowerCase().replace(/[ _.]/g, "-");
    if (lower !== input.value) input.value = lower;
    clearTimeout(timer);
    answer.textContent = "";
    if (input.value.length >= 3) timer = setTimeout(check, 300);
  });
}
