// Numbers and times as text.

const UNITS = ["", "k", "M", "G", "T"];
const MINUS_ONE_DIGIT = [100, 10];

/**
 * Returns a number with three significant digits and a unit: "9.81 Gbit/s", or "841k frames/s" for a unit that takes no
 * prefix.
 */
export function human(value, unit) {
  let scaled = value;
  let step = 0;
  while (scaled >= 999.5 && step < UNITS.length - 1) {
    scaled /= 1000;
    step++;
  }
  const digits = step === 0 ? 0 : MINUS_ONE_DIGIT.filter(limit => scaled < limit).length;
  const number = scaled.toFixed(digits);
  return unit.startsWith("bit") ? `${number} ${UNITS[step]}${unit}` : `${number}${UNITS[step]} ${unit}`.trimEnd();
}

/** Returns a whole number with groups of three digits. */
export function whole(value) {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Returns the local time of an instant. */
export function clock(instant) {
  const time = new Date(instant);
  const two = number => String(number).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** Returns the local date and time of an instant, for a title. */
export function full(instant) {
  return new Date(instant).toLocaleString();
}
