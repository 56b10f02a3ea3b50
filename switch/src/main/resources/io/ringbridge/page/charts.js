// Values of each port over time, drawn by uPlot.

import { clock, human } from "./format.js";

const HEIGHT = 260;
const LIGHT = ["#0068a3", "#b34e00", "#00794f", "#a3397a", "#6a45d1", "#7a6200", "#1f7fb8", "#8c2f1b"];
const DARK = ["#5cc3ee", "#ff9d5c", "#4fd1a1", "#f08fc8", "#ad98ff", "#e6cf4d", "#9ad7f5", "#ff8f80"];
/** The ends of the scale of values as long as no value is greater. */
const FEWEST_BITS = 1000;
const FEWEST = 10;
/** Steps of the axes that the labels show without rounding. */
const STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map(step => step * 10 ** power)).flat();
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
/** Lines of one colour differ by their dashes, also for those who see no colours. */
const DASHES = [[], [8, 4], [2, 3], [10, 4, 2, 4]];
const theme = window.matchMedia("(prefers-color-scheme: dark)");

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A chart in an element of the page. */
export class Chart {
  #parent;
  #plot = null;
  #shape = "";
  #draw = () => {};

  constructor(parent) {
    this.#parent = parent;
    theme.addEventListener("change", () => this.#again());
    new ResizeObserver(() => this.#resize()).observe(parent);
  }

  /**
   * Draws the chart.
   *
   * @param title what the values are, for those who do not see the chart
   * @param unit the unit of the values, such as "bit/s"
   * @param times seconds since 1970
   * @param series values over time, by name
   */
  draw(title, unit, times, series) {
    this.#draw = () => this.draw(title, unit, times, series);
    const names = [...series.keys()];
    const shape = `${unit}\n${names.join("\n")}`;
    const data = [times, ...series.values()];
    if (this.#plot === null || shape !== this.#shape) {
      this.#shape = shape;
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(unit, names), data, this.#parent);
    } else {
      this.#plot.setData(data);
    }
    if (this.#plot.cursor.left < 0 && times.length > 0) {
      this.#plot.setLegend({ idx: times.length - 1 }); // without a pointer, the legend has the latest values
    }
    const latest = names.map(name => `${name} ${human(series.get(name).at(-1) ?? 0, unit)}`).join(", ");
    this.#parent.setAttribute("aria-label", `${title}. Latest values: ${latest || "none"}`);
  }

  #options(unit, names) {
    const colors = theme.matches ? DARK : LIGHT;
    const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
    return {
      width: this.#parent.clientWidth,
      height: HEIGHT,
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_, min, max) => [0, Math.max(max * 1.1, unit.startsWith("bit") ? FEWEST_BITS : FEWEST)] } },
      axes: [
        { ...axis, incrs: SECONDS, values: (_, ticks) => ticks.map(tick => clock(tick * 1000)), space: 80 },
        { ...axis, incrs: STEPS, size: 82, values: (_, ticks) => ticks.map(tick => tick === 0 ? "0" : human(tick, unit)) },
      ],
      series: [
        { label: "Time", value: (_, time) => time == null ? "–" : clock(time * 1000) },
        ...names.map((name, i) => ({
          label: name,
          stroke: colors[i % colors.length],
          width: 2,
          dash: DASHES[Math.floor(i / colors.length) % DASHES.length],
          points: { show: false },
          value: (_, value) => value == null ? "–" : human(value, unit),
        })),
      ],
    };
  }

  #again() {
    this.#shape = "";
    this.#draw();
  }

  #resize() {
    if (this.#plot !== null && this.#parent.clientWidth > 0 && this.#plot.width !== this.#parent.clientWidth) {
      this.#plot.setSize({ width: this.#parent.clientWidth, height: HEIGHT });
    }
  }
}
