const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size for people, with at most one decimal. */
export function readableBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(1))} ${UNITS[unit]}`;
}
