// Rates from successive readings of the counters.

export const SECONDS_KEPT = 300;
const BITS_PER_BYTE = 8;

export function dropped(port) {
  return Object.values(port.drops).reduce((sum, count) => sum + count, 0);
}

function counters(port) {
  return {
    inFrames: port.in_frames, outFrames: port.out_frames,
    inBits: BITS_PER_BYTE * port.in_bytes, outBits: BITS_PER_BYTE * port.out_bytes,
    drops: dropped(port),
  };
}

const NONE = { inFrames: 0, outFrames: 0, inBits: 0, outBits: 0, drops: 0 };

/** The recent rates of all ports. */
export class Rates {
  #last = new Map();
  #lastMillis = 0;
  /** Seconds since 1970. */
  times = [];
  /** One object per time: rates by the name of the port. */
  rows = [];

  /** Adds a reading of all ports, and returns the rates since the reading before it by name. */
  add(ports, millis) {
    const seconds = (millis - this.#lastMillis) / 1000;
    const now = new Map(ports.map(port => [port.name, counters(port)]));
    const row = {};
    for (const [name, counts] of now) {
      row[name] = this.#rate(counts, this.#last.get(name), seconds);
    }
    if (this.#lastMillis > 0) {
      this.times.push(millis / 1000);
      this.rows.push(row);
    }
    while (this.times.length > SECONDS_KEPT) {
      this.times.shift();
      this.rows.shift();
    }
    this.#last = now;
    this.#lastMillis = millis;
    return row;
  }

  /** A counter that has become smaller belongs to another port of that name, or was reset. */
  #rate(now, before, seconds) {
    if (before === undefined || seconds <= 0) {
      return NONE;
    }
    return Object.fromEntries(Object.keys(now).map(key => [key, Math.max(0, now[key] - before[key]) / seconds]));
  }

  /** Returns the rates of one kind over time, for one port; null where the port was absent. */
  series(port, kind) {
    return this.rows.map(row => row[port] === undefined ? null : row[port][kind]);
  }
}
