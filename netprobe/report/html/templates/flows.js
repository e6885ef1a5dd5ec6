// The lines of the table: found, sorted, and as many laid out as people look at. Without this all of them are there, in their order.
(() => {
  const table = document.getElementById("lines");
  if (!table) return;
  const body = table.tBodies[0], more = document.getElementById("more"), status = document.createElement("span");
  const AT_ONCE = 100, WAIT_MS = 120;
  const every = [...table.rows].slice(1), step = Math.max(body.rows.length, AT_ONCE);
  const keys = every.map(row => row.dataset.k.split(",").map(Number));
  const texts = [];
  const at = name => document.getElementById(name);
  const number = new Intl.NumberFormat("en");
  let order = every.map((_, index) => index), fitting = order, shown = step, column = -1, falls = false;
  table.querySelectorAll("tbody.rest").forEach(each => each.remove());

  const textOf = index => texts[index] ??= [...every[index].cells].map(cell => cell.textContent).join(" ").toLowerCase();
  const pathAt = [...table.tHead.rows[0].cells].findIndex(cell => cell.classList.contains("w"));

  function draw() {
    body.replaceChildren(...fitting.slice(0, shown).map(index => every[index]));
    const rest = fitting.length - Math.min(shown, fitting.length);
    status.textContent = fitting.length === every.length ? "" : `${number.format(fitting.length)} of ${number.format(every.length)} fit. `;
    further.hidden = all.hidden = !rest;
    further.textContent = `Show ${number.format(Math.min(step, rest))} more`;
    all.textContent = `Show all ${number.format(fitting.length)}`;
    more.dataset.rest = rest ? `${number.format(rest)} more lines are not printed.` : "";
  }

  function button(does) {
    const made = document.createElement("button");
    made.type = "button";
    made.addEventListener("click", does);
    return made;
  }
  const further = button(() => { shown += step; draw(); }), all = button(() => { shown = every.length; draw(); });
  more.append(status, further, " ", all);

  function fit() {
    const words = (at("find")?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean), fate = at("fate")?.value, path = at("path")?.value;
    fitting = order.filter(index =>
      (!fate || every[index].classList.contains(fate))
      && (!path || (every[index].cells[pathAt].textContent || "-") === path)
      && words.every(word => textOf(index).includes(word)));
    shown = step;
    draw();
  }

  function sort(place, falling) {
    column = place; falls = falling;
    order = every.map((_, index) => index);
    if (place >= 0) {
      const sign = falling ? -1 : 1;
      const by = order.map(index => keys[index][place]);
      order.sort((one, other) => (by[one] < 0) - (by[other] < 0) || sign * (by[one] - by[other]) || one - other);
    }
    [...table.tHead.rows[0].cells].forEach((cell, index) =>
      index === place ? cell.setAttribute("aria-sort", falling ? "descending" : "ascending") : cell.removeAttribute("aria-sort"));
    if (at("order")) at("order").value = place < 0 ? "" : String(place);
    fit();
  }

  [...table.tHead.rows[0].cells].forEach((cell, index) => {
    const first = "falls" in cell.dataset;
    const made = button(() => sort(index, column === index ? !falls : first));
    made.append(...cell.childNodes);
    cell.append(made);
  });
  at("order")?.addEventListener("change", event => {
    const place = event.target.value === "" ? -1 : Number(event.target.value);
    sort(place, place >= 0 && "falls" in table.tHead.rows[0].cells[place].dataset);
  });
  let waits = 0;
  at("find")?.addEventListener("input", () => { clearTimeout(waits); waits = setTimeout(fit, WAIT_MS); });
  for (const name of ["fate", "path"]) at(name)?.addEventListener("change", fit);

  for (const head of document.querySelectorAll("th[data-find], th[data-path]")) {
    const made = button(() => {
      if (head.dataset.find !== undefined) at("find").value = head.dataset.find;
      else at("path").value = head.dataset.path || "-";
      fit();
      document.getElementById("all-title").scrollIntoView();
      at("find").focus({ preventScroll: true });
    });
    made.append(...head.childNodes);
    head.append(made);
  }

  function lead() {
    const place = /^#c\d+$/.test(location.hash) ? every.findIndex(row => `#${row.id}` === location.hash) : -1;
    if (place < 0 || every[place].isConnected) return;
    const where = fitting.indexOf(place);
    shown = where < 0 ? shown : Math.ceil((where + 1) / step) * step;
    if (where >= 0) draw();
    every[place].scrollIntoView();
  }
  addEventListener("hashchange", lead);
  draw();
  lead();
})();
