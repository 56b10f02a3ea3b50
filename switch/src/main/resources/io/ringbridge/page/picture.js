// The switch as a picture: the bridge in the middle, the ports around it, and the rates on their links.

import { human } from "./format.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
/** Below this width, the bridge stands upright, and the ports are to its left and right. */
const NARROW = 560;
const BOX = { width: 150, height: 62 };
const GAP = 18;
const LINK = 74;
const BAR = 34;
const LANE = 7;
const MARGIN = 4;
/** An estimate: no text is measured. */
const CHARACTER = 9;
const SYMBOLS = { running: "●", waiting: "○", connected: "◐", suspended: "‖", failed: "✕" };

function element(name, attributes = {}, text) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  if (text !== undefined) {
    made.textContent = text;
  }
  return made;
}

/** The picture in an element of the page. */
export class Picture {
  #parent;
  #svg = element("svg", { role: "img", "aria-labelledby": "picture-text" });
  #text = element("title", { id: "picture-text" });
  #shape = "";
  #parts = new Map();

  constructor(parent) {
    this.#parent = parent;
    parent.append(this.#svg);
  }

  /** Draws the ports with their rates by name. */
  draw(ports, rates) {
    const width = Math.max(300, Math.floor(this.#parent.clientWidth));
    const shape = `${width} ${ports.map(port => port.name).join("\n")}`;
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#build(ports, width);
    }
    for (const port of ports) {
      this.#update(this.#parts.get(port.name), port, rates[port.name]);
    }
    const words = ports.map(port => `${port.name} ${port.state}`).join(", ");
    this.#text.textContent = `Bridge with ${ports.length} ports: ${words}. The table of ports has the numbers.`;
  }

  #build(ports, width) {
    this.#svg.replaceChildren(this.#text);
    this.#parts.clear();
    const half = Math.ceil(ports.length / 2);
    const perRow = Math.floor((width - 2 * MARGIN + GAP) / (BOX.width + GAP));
    if (width < NARROW || half > perRow) {
      this.#buildUpright(ports, width, half);
    } else {
      this.#buildLying(ports, width, half);
    }
  }

  /** Draws the bridge as a horizontal bar, with ports above and below. */
  #buildLying(ports, width, half) {
    const height = 2 * (BOX.height + LINK + MARGIN) + BAR;
    const middle = MARGIN + BOX.height + LINK;
    this.#frame(width, height);
    this.#bridge(MARGIN, middle, width - 2 * MARGIN, BAR);
    ports.forEach((port, i) => {
      const above = i < half;
      const count = above ? half : ports.length - half;
      const place = above ? i : i - half;
      const center = (place + 0.5) * width / count;
      const box = { x: center - BOX.width / 2, y: above ? MARGIN : middle + BAR + LINK, width: BOX.width };
      const edge = above ? box.y + BOX.height : box.y;
      this.#port(port, box, { x: center, y: edge }, { x: center, y: above ? middle : middle + BAR });
    });
  }

  /** Draws the bridge as a vertical bar, with ports to the left and to the right. */
  #buildUpright(ports, width, half) {
    const link = Math.min(150, Math.max(68, width * 0.19));
    const bar = width < NARROW ? 26 : BAR;
    const boxWidth = (width - bar - 2 * link - 2 * MARGIN) / 2;
    const rows = Math.max(1, half);
    const height = rows * (BOX.height + GAP) - GAP + 2 * MARGIN;
    const middle = (width - bar) / 2;
    this.#frame(width, height);
    this.#bridge(middle, MARGIN, bar, height - 2 * MARGIN);
    ports.forEach((port, i) => {
      const left = i < half;
      const y = MARGIN + (left ? i : i - half) * (BOX.height + GAP);
      const box = { x: left ? MARGIN : width - MARGIN - boxWidth, y, width: boxWidth };
      const at = y + BOX.height / 2;
      this.#port(port, box, { x: left ? box.x + boxWidth : box.x, y: at },
        { x: left ? middle : middle + bar, y: at });
    });
  }

  #frame(width, height) {
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.classList.toggle("narrow", width < NARROW);
  }

  #bridge(x, y, width, height) {
    this.#svg.append(element("rect", { class: "bridge", x, y, width, height, rx: 8 }));
    const upright = height > width;
    const center = { x: x + width / 2, y: y + height / 2 };
    this.#svg.append(element("text", {
      class: "bridge-name", x: center.x, y: center.y,
      ...(upright && { transform: `rotate(-90 ${center.x} ${center.y})` }),
    }, "bridge"));
  }

  #port(port, box, from, to) {
    const group = element("g", {});
    const clip = `clip-${this.#parts.size}`;
    const clipping = element("clipPath", { id: clip });
    clipping.append(element("rect", { x: box.x, y: box.y, width: box.width - 4, height: BOX.height }));
    const inside = element("g", { "clip-path": `url(#${clip})` });
    const parts = {
      group,
      state: element("text", { class: "state", x: box.x + 10, y: box.y + 38 }),
      drops: element("text", { class: "drops", x: box.x + 10, y: box.y + 54 }),
      in: this.#link(group, "in", from, to, -LANE),
      out: this.#link(group, "out", to, from, -LANE),
    };
    inside.append(element("text", { class: "name", x: box.x + 10, y: box.y + 20 }, short(port.name, box.width)), parts.state, parts.drops);
    group.append(element("title", {}, port.name), clipping,
      element("rect", { class: "box", x: box.x, y: box.y, width: box.width, height: BOX.height, rx: 8 }), inside);
    this.#svg.append(group);
    this.#parts.set(port.name, parts);
  }

  /** Draws one direction of a link beside its middle line, with an arrow at its end and its rate outside. */
  #link(group, direction, from, to, lane) {
    const upright = from.x === to.x;
    const sign = upright ? Math.sign(to.y - from.y) : Math.sign(to.x - from.x);
    const shift = lane * sign;
    const [x1, y1] = upright ? [from.x - shift, from.y] : [from.x, from.y + shift];
    const [x2, y2] = upright ? [to.x - shift, to.y] : [to.x, to.y + shift];
    const tip = upright ? `${x2 - 5},${y2 - 9 * sign} ${x2 + 5},${y2 - 9 * sign} ${x2},${y2}`
      : `${x2 - 9 * sign},${y2 - 5} ${x2 - 9 * sign},${y2 + 5} ${x2},${y2}`;
    const end = upright ? { x2, y2: y2 - 8 * sign } : { x2: x2 - 8 * sign, y2 };
    const line = element("line", { class: `link ${direction}`, x1, y1, ...end });
    const arrow = element("polygon", { class: `arrow ${direction}`, points: tip });
    const outside = upright ? Math.sign(x1 - from.x) : Math.sign(y1 - from.y);
    const label = upright
      ? { x: x1 + 12 * outside, y: (y1 + y2) / 2 + 4, "text-anchor": outside < 0 ? "end" : "start" }
      : { x: (x1 + x2) / 2, y: y1 + (outside < 0 ? -9 : 18), "text-anchor": "middle" };
    const rate = element("text", { class: `rate ${direction}`, ...label });
    group.append(line, arrow, rate);
    return { line, arrow, rate };
  }

  #update(parts, port, rates) {
    const dropping = rates.drops > 0;
    parts.group.setAttribute("class", port.state + (dropping ? " dropping" : ""));
    parts.state.textContent = `${SYMBOLS[port.state] ?? ""} ${port.state}`;
    parts.drops.textContent = dropping ? `▼ ${human(rates.drops, "")} drops/s` : "";
    show(parts.in, rates.inBits);
    show(parts.out, rates.outBits);
  }
}

/**
 * Returns a name that fits into a box, without its middle: names often differ at the end only. The title of the port has
 * the whole name.
 */
function short(name, width) {
  const most = Math.floor((width - 14) / CHARACTER);
  if (name.length <= most) {
    return name;
  }
  const end = Math.floor((most - 1) / 2);
  return `${name.slice(0, most - 1 - end)}…${name.slice(name.length - end)}`;
}

/** Shows a rate by its text, and by the width of the line: one unit per factor of ten from 1 kbit/s on. */
function show(link, bits) {
  const idle = bits < 1;
  link.rate.textContent = idle ? "" : human(bits, "bit/s");
  link.line.setAttribute("stroke-width", idle ? 1 : 1 + Math.max(0, Math.log10(bits) - 3) * 0.8);
  link.line.classList.toggle("idle", idle);
  link.arrow.classList.toggle("idle", idle);
}
