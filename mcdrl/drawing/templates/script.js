"use strict";
(() => {
  const root = document.documentElement;
  const remembered = (value) => {
    try {
      if (value) localStorage.setItem("theme", value);
      return localStorage.getItem("theme");
    } catch { return null; }  // a page opened from a file may not be allowed to remember
  };
  const button = document.querySelector(".theme");
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
  if (remembered()) root.dataset.theme = remembered();
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered(root.dataset.theme);
    name();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();

  const said = document.querySelector("#said");
  const figure = (text) => {
    const found = text.replace("−", "-").match(/[-+]?\d+(\.\d+)?(e[-+]?\d+)?/i);
    return found ? Number(found[0]) - (text.trim().startsWith("<") ? 1e-9 : 0) : NaN;
  };
  const text = (row, column) => row.cells[column].textContent.trim();
  const compare = (column, numeric, sign) => (a, b) => {
    if (a.matches(".strong") !== b.matches(".strong")) return a.matches(".strong") ? 1 : -1;  // totals stay below
    if (!numeric) return sign * text(a, column).localeCompare(text(b, column), "en", { numeric: true });
    const [x, y] = [figure(text(a, column)), figure(text(b, column))];
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);  // what is undefined stays below
    return sign * (x - y);
  };
  const sort = (table, column) => {
    const head = table.tHead.rows[0].cells[column], body = table.tBodies[0], rows = [...body.rows];
    const first = head.dataset.first ?? "ascending", last = head.getAttribute("aria-sort");
    const down = last ? last === "ascending" : first === "descending";  // a score's best comes first
    const numeric = rows.every((row) => /^([<+−-]?\s*\d|–|$)/.test(text(row, column)));
    rows.sort(compare(column, numeric, down ? -1 : 1)).forEach((row) => body.append(row));
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    said.textContent = `Sorted by ${head.textContent}, ${down ? "descending" : "ascending"}.`;
  };
  for (const table of document.querySelectorAll("table")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const sorter = document.createElement("button");
      sorter.type = "button";
      sorter.append(...head.childNodes);
      sorter.addEventListener("click", () => sort(table, column));
      head.append(sorter);
    });
  }

  const dialog = document.querySelector("dialog");
  for (const zoom of document.querySelectorAll("figure button")) {
    zoom.addEventListener("click", () => {
      const shown = zoom.parentElement;
      dialog.querySelector("div").replaceChildren(shown.querySelector("svg").cloneNode(true), shown.querySelector("figcaption").cloneNode(true));
      dialog.showModal();
    });
  }
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((seen) => {
    for (const one of seen) {
      if (!one.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(one.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main > section").forEach((section) => watch.observe(section));
})();
