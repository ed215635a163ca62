import { isLocalName } from '../../domain/grant.js';

/** What a password file says. */
export interface HtpasswdContent {
  /** bcrypt, by the name of the user. */
  readonly hashes: ReadonlyMap<string, string>;
  /** As slow to compare with as the hashes, and nobody's; undefined where there are none. */
  readonly decoy: string | undefined;
  /** One text for each line that is not used, with its number, without its hash. */
  readonly problems: readonly string[];
}

const BCRYPT = /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;
/** Some 3 s for each comparison. */
const MOST_COST = 15;
const NOBODYS = '0W7m1yZ7H1HnA3x0bqXbSeNq0GxC0cM5mXlJ5QqJ2kQ0vVqgYxk5W';

/** Reads `NAME:HASH` lines; empty ones and those that begin with # say nothing. Of a name given twice the first counts. */
export function parseHtpasswd(text: string): HtpasswdContent {
  const hashes = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const problem = addLine(hashes, trimmed);
    if (problem !== undefined) problems.push(`line ${index + 1}: ${problem}`);
  }
  return { hashes, decoy: decoyOf([...hashes.values()]), problems };
}

/** Answers what is wrong with the line. */
function addLine(hashes: Map<string, string>, line: string): string | undefined {
  const [, name = '', hash = ''] = /^([^:]*):(.*)$/.exec(line) ?? [];
  if (!isLocalName(name)) {
    return 'it does not begin with a name of 1 to 64 letters, digits, dots, dashes and underscores and a colon';
  }
  if (!BCRYPT.test(hash)) {
    return `the password of ${name} is not hashed with bcrypt; set it again with htpasswd -B`;
  }
  if (Number(hash.slice(4, 6)) > MOST_COST) {
    return `the password of ${name} is hashed at a cost above ${MOST_COST}, which takes seconds; set it again with htpasswd -B`;
  }
  if (hashes.has(name)) return `${name} has a line already; remove one of them`;
  hashes.set(name, hash);
  return undefined;
}

/** With the cost of the slowest. */
function decoyOf(hashes: readonly string[]): string | undefined {
  const [cost] = hashes.map((hash) => hash.slice(4, 6)).sort((a, b) => Number(b) - Number(a));
  return cost === undefined ? undefined : `$2b$${cost}$${NOBODYS}`;
}
