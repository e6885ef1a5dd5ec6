"use strict";
// Conveniences: the page says all it has to say without them.
for (const button of document.querySelectorAll("button.copy")) {
  const text = button.parentElement.querySelector("code").textContent;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(button.parentElement.querySelector("code"));
      button.textContent = button.dataset.selected;
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}
