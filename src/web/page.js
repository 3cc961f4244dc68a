// Pages work without this. It shows how far a job is while it runs, and then the page of its result.
"use strict";
for (const box of document.querySelectorAll("[data-events]")) {
  const source = new EventSource(box.dataset.events);
  source.onmessage = (message) => {
    const { state, done, total } = JSON.parse(message.data);
    const bar = document.getElementById("progress");
    bar.max = Math.max(total, 1);
    bar.value = done;
    document.getElementById("steps").textContent = total > 0 ? `${done} / ${total}` : "";
    if (!["waiting", "running"].includes(state)) {
      source.close();
      location.reload();
    }
  };
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}
