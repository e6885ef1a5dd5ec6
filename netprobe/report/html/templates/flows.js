// The lines of the table: found, sorted, and as many laid out as people look at. Without this all of them are there, in their order.
(() => {
  const table = document.getElementById("lines");
  if (!table) return;
  const body = table.tBodies[0], more = document.getElementById("more"), status = document.createElement("span");
  const AT_ONCE = 100, WAIT_MS = 120;
  const every = [...table.rows].slice(1), step = Math.max(body.rows.length, AT_ONCE);
  const keys = every.map(row => row.dataset.k.split(",").map(key => key === "" ? -1 : Number(key)));
  const texts = [];
  const at = name => document.getElementById(name);
  const number = new Intl.NumberFormat("en");
  let order = every.map((_, index) => index), fitting = order, from = 0, until = step, column = -1, falls = false;
  table.querySelectorAll("tbody.rest").forEach(each => each.remove());

  const textOf = index => texts[index] ??= [...every[index].cells].map(cell => cell.textContent).join(" ").toLowerCase();
  const pathAt = [...table.tHead.rows[0].cells].findIndex(cell => cell.classList.contains("w"));

  function draw() {
    const some = fitting.slice(from, until), rest = fitting.length - some.length;
    body.replaceChildren(...some.map(index => every[index]));
    const fit = fitting.length === every.length ? "" : `${number.format(fitting.length)} of ${number.format(every.length)} fit. `;
    status.textContent = fit + (from ? `Lines ${number.format(from + 1)} to ${number.format(from + some.length)}. ` : "");
    further.hidden = until >= fitting.length;
    all.hidden = !rest;
    further.textContent = `Show ${number.format(Math.min(step, Math.max(fitting.length - until, 0)))} more`;
    all.textContent = `Show all ${number.format(fitting.length)}`;
    more.dataset.rest = rest ? `${number.format(rest)} other lines are not printed.` : "";
  }

  function button(does) {
    const made = document.createElement("button");
    made.type = "button";
    made.addEventListener("click", does);
    return made;
  }
  const further = button(() => { until += step; draw(); }), all = button(() => { from = 0; until = every.length; draw(); });
  more.append(status, further, " ", all);

  function fit() {
    const words = (at("find")?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean), fate = at("fate")?.value, path = at("path")?.value;
    fitting = order.filter(index =>
      (!fate || every[index].classList.contains(fate))
      && (!path || (every[index].cells[pathAt].textContent || "-") === path)
      && words.every(word => textOf(index).includes(word)));
    from = 0;
    until = step;
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

  function enable(made, does) {
    made.disabled = false;
    made.addEventListener("click", does);
  }
  [...table.tHead.rows[0].cells].forEach((cell, index) =>
    enable(cell.firstElementChild, () => sort(index, column === index ? !falls : "falls" in cell.dataset)));
  at("order")?.addEventListener("change", event => {
    const place = event.target.value === "" ? -1 : Number(event.target.value);
    sort(place, place >= 0 && "falls" in table.tHead.rows[0].cells[place].dataset);
  });
  let waits = 0;
  at("find")?.addEventListener("input", () => { clearTimeout(waits); waits = setTimeout(fit, WAIT_MS); });
  for (const name of ["fate", "path"]) at(name)?.addEventListener("change", fit);

  for (const head of document.querySelectorAll("th[data-find], th[data-path]")) {
    enable(head.firstElementChild, () => {
      if (head.dataset.find !== undefined) at("find").value = head.dataset.find;
      else at("path").value = head.dataset.path || "-";
      fit();
      document.getElementById("all-title").scrollIntoView();
      at("find").focus({ preventScroll: true });
    });
  }

  function lead() {
    const place = /^#c\d+$/.test(location.hash) ? every.findIndex(row => `#${row.id}` === location.hash) : -1;
    if (place < 0 || every[place].isConnected) return;
    const where = fitting.indexOf(place);
    if (where < 0) return;
    from = where - where % step;
    until = from + step;
    draw();
    every[place].scrollIntoView();
  }
  addEventListener("hashchange", lead);
  draw();
  lead();
})();
