// Sections that are shown if the switch has the resource: latencies and interruptions.

import { Chart } from "./charts.js";
import { get } from "./client.js";
import { clock, full, whole } from "./format.js";
import { SECONDS_KEPT } from "./rates.js";
import { fill } from "./tables.js";

const NANOS_PER_MICRO = 1000;
const NANOS_PER_MILLI = 1e6;
const INTERRUPTIONS_SHOWN = 100;

const at = id => document.getElementById(id);

function micros(nanos) {
  return (nanos / NANOS_PER_MICRO).toFixed(1);
}

function millis(nanos) {
  return `${whole(Math.floor(nanos / NANOS_PER_MILLI))}.${String(Math.floor(nanos / NANOS_PER_MICRO) % 1000).padStart(3, "0")} ms`;
}

/** Reads and shows the resources that not every switch has. */
export class Extras {
  #chart = new Chart(at("latency-chart"));
  #times = [];
  #rows = [];
  /** The paths that the switch does not have. */
  #absent = new Set();

  async read(now) {
    await Promise.all([this.#readLatency(now), this.#readInterruptions()]);
  }

  async #get(path) {
    const value = this.#absent.has(path) ? null : await get(path);
    if (value === null) {
      this.#absent.add(path);
    }
    return value;
  }

  async #readLatency(now) {
    const latency = await this.#get("v1/latency");
    const shown = latency !== null && latency.sample > 0;
    at("latency-section").hidden = !shown;
    if (!shown) {
      return;
    }
    at("latency-note").textContent = `From the poll that takes a frame until its receiver can see it, in microseconds; `
      + `one of ${whole(latency.sample)} frames is measured. “Out” is the port that the frame leaves by.`;
    fill(at("latency"), latency.ports.map(port => ({
      key: `latency ${port.port}`,
      cells: [{ text: port.port },
        ...["p50", "p90", "p99", "p999", "max"].map(each => ({
          text: port.samples > 0 ? micros(port.total_nanos[each]) : "–", className: "number",
          value: port.total_nanos[each] })),
        { text: whole(port.samples), className: "number", value: port.samples }],
    })), "No frame was measured.");
    this.#times.push(now / 1000);
    this.#rows.push(Object.fromEntries(latency.ports.map(port =>
      [port.port, port.samples > 0 ? port.total_nanos.p50 / NANOS_PER_MICRO : null])));
    while (this.#times.length > SECONDS_KEPT) {
      this.#times.shift();
      this.#rows.shift();
    }
    this.#chart.draw("Over the last five minutes, the median latency in microseconds since the start", "µs", this.#times,
      new Map(latency.ports.map(port => [port.port, this.#rows.map(row => row[port.port] ?? null)])));
  }

  async #readInterruptions() {
    const interruptions = await this.#get("v1/interruptions");
    at("interruptions-section").hidden = interruptions === null;
    if (interruptions === null) {
      return;
    }
    const newest = interruptions.toSorted((a, b) => b.start.localeCompare(a.start)).slice(0, INTERRUPTIONS_SHOWN);
    fill(at("interruptions"), newest.map(each => ({
      key: `${each.port} ${each.start} ${each.cause}`,
      cells: [{ text: each.port }, { text: each.cause }, { text: clock(each.start), small: full(each.start) },
        { text: each.ongoing ? `${millis(each.nanos)}, not over` : millis(each.nanos),
          className: `number ${each.ongoing ? "dropping" : ""}`.trim(), value: each.nanos }],
    })), "No port was interrupted.");
  }
}
