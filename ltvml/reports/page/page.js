// Tables of the page can be sorted by a column, and long ones searched; without a script they stand as they are.
(() => {
  const LONG = 10, NUMBER = /^[+-]?[\d,]*\.?\d+( \S+)?$/;
  const words = document.body.dataset;
  const text = (row, column) => row.cells[column].textContent.trim();
  const amount = (words) => parseFloat(words.replace(/,/g, ""));

  function compare(rows, column) {
    const known = rows.map((row) => text(row, column)).filter((words) => words !== "-");
    if (known.every((words) => NUMBER.test(words))) return (a, b) => amount(text(a, column)) - amount(text(b, column));
    return (a, b) => text(a, column).localeCompare(text(b, column), document.documentElement.lang, { numeric: true });
  }

  function sortable(table) {
    const body = table.tBodies[0], given = [...body.rows], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = words.sort;
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { null: "descending", descending: "ascending", ascending: null }[head.getAttribute("aria-sort")];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        const rows = [...given], sign = next === "descending" ? -1 : 1;
        if (next) {
          const by = compare(rows, column), empty = (row) => text(row, column) === "-";
          rows.sort((a, b) => empty(a) - empty(b) || (empty(a) ? 0 : sign * by(a, b)));
          head.setAttribute("aria-sort", next);
        }
        body.append(...rows);
      });
    });
  }

  function searchable(table) {
    const rows = [...table.tBodies[0].rows], field = document.createElement("input"), count = document.createElement("span");
    field.type = "search";
    field.placeholder = words.find;
    field.setAttribute("aria-label", `${words.find}: ${table.caption.textContent}`);
    count.setAttribute("aria-live", "polite");
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      rows.forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
      count.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} / ${rows.length}` : "";
    });
    const line = document.createElement("p");
    line.className = "find";
    line.append(field, count);
    table.parentElement.before(line);
  }

  document.querySelectorAll("main table").forEach((table) => {
    const rows = table.tBodies[0].rows.length;
    if (rows > 1) sortable(table);
    if (rows > LONG) searchable(table);
  });
})();
