/** The candidate with the smallest edit distance to the name, letter case and separators aside. */
export function nearest(name: string, candidates: readonly string[]): string {
  const wanted = plain(name);
  const distances = candidates.map((candidate) => ({
    candidate,
    // A key in the wrong section is nearer than an unlike one in the right section.
    distance: Math.min(
      editDistance(wanted, plain(candidate)),
      editDistance(plain(last(name)), plain(last(candidate))) + 1,
    ),
    whole: editDistance(wanted, plain(candidate)),
  }));
  distances.sort((a, b) => a.distance - b.distance || a.whole - b.whole);
  return distances[0]?.candidate ?? name;
}

/** How many letters must be put in, taken out, exchanged or swapped with their neighbour. */
export function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const exchanged = at(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
          ? at(before, column - 2) + 1
          : Infinity;
      current.push(Math.min(at(previous, column) + 1, at(current, column - 1) + 1, exchanged, swapped));
    }
    before = previous;
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

function last(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
