// Reads the switch once per second, follows its events, and shows both. The page changes nothing.

import { Chart } from "./charts.js";
import { follow, get } from "./client.js";
import { EventList } from "./events.js";
import { Extras } from "./extras.js";
import { clock, human, whole } from "./format.js";
import { Picture } from "./picture.js";
import { Rates, dropped } from "./rates.js";
import { fill } from "./tables.js";

const PERIOD_MILLIS = 1000;
/** The forwarding table changes slowly and may be long. */
const FDB_PERIODS = 3;
const LONG_FDB = 2000;
const LONG_FDB_PERIODS = 15;
const FDB_SHOWN = 500;

const at = id => document.getElementById(id);
const picture = new Picture(at("picture"));
const chart = new Chart(at("rates"));
const events = new EventList(at("events"), at("events-search"));
const extras = new Extras();
const rates = new Rates();
const workersBefore = new Map();
let ports = [];
let stations = [];
let untilFdb = 0;
let paused = false;
let following = false;

async function read() {
  ports = await get("v1/ports");
  const now = Date.now();
  const current = rates.add(ports, now);
  if (untilFdb-- <= 0) {
    stations = await get("v1/fdb") ?? [];
    untilFdb = stations.length > LONG_FDB ? LONG_FDB_PERIODS : FDB_PERIODS;
    showStations();
  }
  showWorkers(await get("v1/workers") ?? [], now);
  showTotals(current);
  picture.draw(ports, current);
  showPorts(current);
  showRates();
  await extras.read(now);
}

function sum(values, kind) {
  return Object.values(values).reduce((total, each) => total + each[kind], 0);
}

function showTotals(current) {
  const words = [
    ["ports", `${ports.filter(port => port.state === "running").length} of ${ports.length} running`],
    ["forwarded", `${human(sum(current, "outBits"), "bit/s")}, ${human(sum(current, "outFrames"), "frames/s")}`],
    ["dropped", human(sum(current, "drops"), "frames/s")],
    ["stations", whole(stations.length)],
  ];
  at("totals").replaceChildren(...words.map(([label, value]) => {
    const item = document.createElement("li");
    const number = document.createElement("b");
    number.textContent = value;
    item.append(`${label}: `, number);
    return item;
  }));
}

function number(text, value, className = "") {
  return { text, value, className: `number ${className}`.trim() };
}

function showPorts(current) {
  fill(at("ports"), ports.map(port => {
    const rate = current[port.name];
    const drops = Object.entries(port.drops);
    return {
      key: `port ${port.name}`,
      cells: [
        { text: port.name, small: [port.type, port.socket ?? port.device ?? port.read ?? port.write].join(" ") },
        { text: port.state, small: port.why ?? "", className: `wide state-${port.state}` },
        number(human(rate.inBits, ""), rate.inBits),
        number(human(rate.inFrames, ""), rate.inFrames),
        number(human(rate.outBits, ""), rate.outBits),
        number(human(rate.outFrames, ""), rate.outFrames),
        number(human(rate.drops, ""), rate.drops, rate.drops > 0 ? "dropping" : ""),
        number(whole(port.in_frames), port.in_frames),
        number(whole(port.out_frames), port.out_frames),
        { text: drops.map(([reason, count]) => `${reason}\u00a0${whole(count)}`).join(", ") || "0", value: dropped(port),
          className: rate.drops > 0 ? "wide dropping" : "wide" },
      ],
    };
  }), "There are no ports. Add one with: ringbridge port add");
}

function showRates() {
  const metric = at("rate-metric");
  const direction = at("rate-direction");
  direction.disabled = metric.value === "drops";
  const kind = { bits: `${direction.value}Bits`, frames: `${direction.value}Frames`, drops: "drops" }[metric.value];
  const unit = metric.value === "bits" ? "bit/s" : "frames/s";
  const title = metric.selectedOptions[0].textContent
    + (metric.value === "drops" ? "" : ` ${direction.selectedOptions[0].textContent}`);
  chart.draw(`Over the last five minutes, ${title}`, unit, rates.times,
    new Map(ports.map(port => [port.name, rates.series(port.name, kind)])));
}

function showStations() {
  const wanted = at("fdb-search").value.trim().toLowerCase();
  const found = stations.filter(station =>
    `${station.mac} vlan ${station.vlan} ${station.port}`.toLowerCase().includes(wanted));
  at("fdb-count").textContent = `${whole(found.length)} of ${whole(stations.length)} stations`
    + (found.length > FDB_SHOWN ? `; the first ${FDB_SHOWN} are shown` : "");
  fill(at("fdb"), found.slice(0, FDB_SHOWN).map(station => ({
    key: `${station.mac} ${station.vlan}`,
    cells: [{ text: station.mac }, number(String(station.vlan), station.vlan), { text: station.port },
      number(station.static ? "static" : `${station.age_seconds} s`, station.age_seconds)],
  })), "No station is known.");
}

function showWorkers(workers, now) {
  fill(at("workers"), workers.map(worker => {
    const before = workersBefore.get(worker.index);
    workersBefore.set(worker.index, { frames: worker.frames, now });
    const rate = before === undefined ? 0 : Math.max(0, worker.frames - before.frames) * 1000 / (now - before.now);
    return {
      key: `worker ${worker.index}`,
      cells: [{ text: `rb-worker-${worker.index}` }, { text: worker.cpu < 0 ? "any" : String(worker.cpu) },
        number(whole(worker.queues), worker.queues), number(`${Math.round(100 * worker.busy_share)} %`),
        number(human(rate, ""), rate), number(whole(worker.stalls), worker.stalls)],
    };
  }), "There are no workers.");
}

function show(status, text) {
  const line = at("status");
  if (line.className !== status) {
    line.className = status;
    line.textContent = text;
  }
}

async function tick() {
  try {
    if (!paused) {
      await read();
      show("live", "live");
      if (!following) {
        following = true;
        follow(event => events.add(event));
      }
    }
  } catch (error) {
    console.debug("the switch cannot be read", error);
    show("lost", `no answer since ${clock(Date.now())}`);
  }
  setTimeout(tick, PERIOD_MILLIS);
}

at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", String(paused));
  at("pause").textContent = paused ? "Resume" : "Pause";
  if (paused) {
    show("paused", "paused");
  }
});
at("fdb-search").addEventListener("input", showStations);
at("rate-metric").addEventListener("change", showRates);
at("rate-direction").addEventListener("change", showRates);
new ResizeObserver(() => {
  if (rates.times.length > 0) {
    picture.draw(ports, rates.rows.at(-1));
  }
}).observe(at("picture"));
get("v1/version").then(version => {
  at("version").textContent = version?.version ?? "";
}).catch(() => { });
tick();
