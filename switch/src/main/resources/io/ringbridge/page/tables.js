// Tables that are updated in place, so that a selection, the focus and the position of a screen reader stay.

/**
 * Shows rows in a table. Each row is an object with a key and cells. A cell is {text, small, className, value}; the
 * first is the heading of the row.
 */
export function fill(table, rows, nothing) {
  const body = table.tBodies[0];
  const labels = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
  const present = new Map([...body.rows].map(row => [row.dataset.key, row]));
  const shown = rows.length > 0 ? rows : [{ key: "", cells: [{ text: nothing, className: "empty" }] }];
  shown.forEach((row, i) => {
    const made = present.get(row.key) ?? create(row, labels);
    present.delete(row.key);
    if (body.rows[i] !== made) {
      body.insertBefore(made, body.rows[i] ?? null);
    }
    row.cells.forEach((cell, c) => update(made.cells[c], cell));
  });
  present.forEach(row => row.remove());
}

/** The roles keep the meaning of a table where a narrow screen shows its rows as cards. */
function create(row, labels) {
  const made = document.createElement("tr");
  made.dataset.key = row.key;
  made.setAttribute("role", "row");
  row.cells.forEach((_, c) => {
    const cell = document.createElement(c === 0 ? "th" : "td");
    cell.setAttribute("role", c === 0 ? "rowheader" : "cell");
    if (c === 0) {
      cell.scope = "row";
    }
    cell.dataset.label = labels[c];
    made.append(cell);
  });
  if (row.key === "") {
    made.cells[0].colSpan = labels.length;
  }
  return made;
}

function update(cell, { text, small = "", className = "", value }) {
  const now = `${text}\n${small}`;
  if (cell.dataset.now !== now) {
    cell.dataset.now = now;
    cell.textContent = text;
    if (small !== "") {
      const line = document.createElement("small");
      line.textContent = small;
      cell.append(line);
    }
  }
  if (cell.className !== className) {
    cell.className = className;
  }
  if (value !== undefined) {
    cell.dataset.value = value;
  }
}
