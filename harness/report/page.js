// Sorting, filters and column presets of the table of cases. The page is whole without this.
(() => {
  "use strict";
  const table = document.querySelector("table.cases");
  const form = document.getElementById("controls");
  if (!table || !form) return;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const lines = [...body.rows].map((row, place) => ({ row, place, id: row.querySelector("th").firstChild.textContent, keys: {} }));
  const parts = ["device", "engine", "model", "precision"];
  const named = (name) => heads.findIndex((head) => head.dataset.key === name);
  const scale = { p: 1e-12, n: 1e-9, "µ": 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
  const state = { sort: "", dir: "", q: "", columns: "" };
  for (const name of [...parts, "place", "verdict"]) state[name] = "";

  // What a cell says first, without the small print below it; a figure as a number in its SI unit.
  const said = (line, place) => (line.row.cells[place].firstChild || { textContent: "" }).textContent.trim();
  const figure = (text) => {
    const [number, unit = ""] = text.split(" ");
    const value = parseFloat(number);
    const prefixed = unit.length > 1 && scale[unit[0]] && unit !== "min";
    return Number.isNaN(value) ? null : value * (prefixed ? scale[unit[0]] : 1);
  };
  const key = (line, place) => {
    if (!(place in line.keys)) {
      const text = said(line, place);
      line.keys[place] = heads[place].dataset.kind === "number" ? figure(text) : text === "—" ? null : text;
    }
    return line.keys[place];
  };
  const compare = (place, sign) => (a, b) => {
    const x = key(a, place), y = key(b, place);
    if (x === null || y === null) return (x === null) - (y === null) || a.place - b.place; // absent comes last, always
    const order = typeof x === "number" ? x - y : x < y ? -1 : x > y ? 1 : 0;
    return order * sign || a.place - b.place;
  };

  const keeps = (line) => {
    const segments = line.id.split("/");
    return (
      (!state.q || state.q.toLowerCase().split(/\s+/).every((word) => (line.text ??= line.row.textContent.toLowerCase()).includes(word))) &&
      parts.every((name, i) => !state[name] || segments[i] === state[name]) &&
      ["place", "verdict"].every((name) => !state[name] || (named(name) >= 0 && said(line, named(name)) === state[name]))
    );
  };
  const hidden = document.head.appendChild(document.createElement("style"));
  const shown = document.getElementById("shown");
  const more = document.getElementById("more");
  let found = lines;

  // Of thousands of rows only the first are in the page, since laying out a row takes longer than finding it.
  const STEP = 200;
  let limit = STEP;
  const lay = () => {
    body.replaceChildren(...found.slice(0, limit).map((line) => line.row));
    more.hidden = found.length <= limit;
    more.textContent = more.hidden ? "" : `Show ${Math.min(5 * STEP, found.length - limit)} more`;
    shown.textContent = `${found.length} of ${lines.length} cases${more.hidden ? "" : `, the first ${limit} shown`}`;
  };

  const show = () => {
    const place = state.sort ? named(state.sort) : -1;
    const sign = state.dir === "down" ? -1 : 1;
    found = lines.filter(keeps);
    if (place >= 0) found.sort(compare(place, sign));
    limit = STEP;
    lay();
    heads.forEach((head, i) => {
      if (i === place) head.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    hidden.textContent = heads
      .map((head, i) => (state.columns && head.dataset.preset && head.dataset.preset !== state.columns
        && head.dataset.preset !== "decision" ? `.cases tr>:nth-child(${i + 1})` : ""))
      .filter(Boolean).join(",") + "{display:none}";
    for (const field of form.elements) if (field.name) field.value = state[field.name];
  };
  const remember = () => {
    const told = new URLSearchParams();
    for (const name in state) if (state[name]) told.set(name, state[name]);
    history.replaceState(null, "", `#${told}`);
    show();
  };

  // `#case-7` leads to a case: it is shown whatever the filters say, and its details are opened.
  const recall = () => {
    const hash = location.hash.slice(1);
    const line = hash && lines.find((each) => each.row.id === hash);
    if (line && !line.row.isConnected) body.prepend(line.row);
    const target = hash && !hash.includes("=") && document.getElementById(hash);
    if (target) {
      const details = target.closest("details");
      if (details) details.open = true;
      target.scrollIntoView();
      return;
    }
    const told = new URLSearchParams(hash);
    for (const name in state) state[name] = told.get(name) || "";
    show();
  };

  const option = (select, text) => select.append(new Option(text, text));
  for (const select of form.querySelectorAll("select")) {
    const i = parts.indexOf(select.name);
    if (select.name === "columns") continue;
    const place = named(select.name);
    const values = new Set(i < 0 ? (place < 0 ? [] : lines.map((line) => said(line, place))) : lines.map((line) => line.id.split("/")[i]));
    if (values.size < 2) select.closest("label").hidden = true;
    [...values].sort().forEach((text) => option(select, text));
  }
  heads.forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const again = state.sort === head.dataset.key;
      state.dir = again && state.dir !== "down" ? "down" : "";
      if (again && !state.dir) state.sort = "";
      else state.sort = head.dataset.key;
      remember();
    });
  });
  let waiting = 0;
  form.addEventListener("input", (event) => {
    state[event.target.name] = event.target.value;
    clearTimeout(waiting);
    waiting = setTimeout(remember, event.target.type === "search" ? 120 : 0);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { for (const name in state) state[name] = ""; remember(); }));
  addEventListener("hashchange", recall);
  more.addEventListener("click", () => { limit += 5 * STEP; lay(); });
  addEventListener("beforeprint", () => { limit = Infinity; lay(); });
  addEventListener("afterprint", () => { limit = STEP; lay(); });
  table.classList.add("live");
  form.hidden = false;
  show();
  recall();
})();
