// The list of events, the newest first.

import { clock, full } from "./format.js";

const MOST = 500;
const BAD = ["failed", "problem", "worker-failed", "lost"];

/** The list in an element of the page, and the field that searches it. */
export class EventList {
  #list;
  #search;

  constructor(list, search) {
    this.#list = list;
    this.#search = search;
    search.addEventListener("input", () => [...list.children].forEach(item => this.#match(item)));
  }

  add(event) {
    const item = document.createElement("li");
    const time = document.createElement("time");
    time.dateTime = event.time;
    time.title = full(event.time);
    time.textContent = clock(event.time);
    const port = document.createElement("b");
    port.textContent = event.port ?? "switch";
    item.append(time, port, document.createTextNode(` ${event.text}`));
    item.dataset.kind = event.kind;
    item.className = BAD.includes(event.kind) ? "bad" : "";
    item.dataset.id = event.id;
    this.#match(item);
    this.#list.prepend(item);
    if (this.#list.childElementCount > MOST) {
      this.#list.lastElementChild.remove();
    }
  }

  #match(item) {
    const text = `${item.textContent} ${item.dataset.kind}`.toLowerCase();
    item.hidden = !text.includes(this.#search.value.trim().toLowerCase());
  }
}
