import { failuresOf, type CampaignResult } from './campaign.js';
import type { Outcome } from './matrix.js';
import { MOMENTS, OUTAGES } from './moments.js';

export interface RunFacts {
  readonly date: Date;
  readonly commit: string;
  readonly every: number;
  readonly seconds: number;
}

/** docs/reliability.md of a whole run. */
export function reliabilityPage(result: CampaignResult, { date, commit, every, seconds }: RunFacts): string {
  const { outcomes, acknowledged, lost, wrong } = result;
  const failures = failuresOf(result);
  const [passing, lasting] = [
    outcomes.filter(({ of }) => !of.isOutage),
    outcomes.filter(({ of }) => of.isOutage),
  ];
  const summary = {
    date: date.toISOString().slice(0, 10),
    commit,
    minutes: Math.round(seconds / 60),
    cases: outcomes.length,
    casesOfTheWholeMatrix: result.cases,
    passed: outcomes.length - failures.length,
    clientRetries: retriesIn(passing),
    acknowledged,
    lostAcknowledged: lost.length,
    wrongOrLeft: wrong.length,
  };
  return `# Reliability on Swift

Written by \`npm run test:long\`. Each operation is run over and over against a real Swift through a proxy that makes one
request go wrong: every fault at every request, then every outage from the first request on and from the last. The client
must see success; where a streamed body (above 4 MiB) was already being sent, or where only the client's own digest can see
that a byte of a blob was changed, it may have to ask once more. An outage must be an honest 503 with Retry-After, and the
same client must succeed once it is over. At the end every store is purged with everything expired, all that was ever
acknowledged is read back byte for byte by a server that remembers nothing, and Swift's own listing is searched for
content under a wrong digest and for garbage that the purge left.

\`\`\`json
${JSON.stringify(summary, null, 2)}
\`\`\`

${failures.length + lost.length + wrong.length === 0 ? 'Nothing failed, nothing was lost.' : `Failed:\n\n${[...failures, ...lost, ...wrong].map((line) => `- ${line}`).join('\n')}`}

${every === 1 ? '' : `A short run: one case in ${every}.\n\n`}## One request goes wrong

Cases passed; in parentheses the retries that clients needed. Columns:
${MOMENTS.map(({ name }, i) => `${i + 1} ${name}`).join(' · ')}.

${table(
  passing,
  MOMENTS.map(({ name }) => name),
)}

## Everything goes wrong, until it is mended

Cases passed. Columns: ${OUTAGES.map(({ name }, i) => `${i + 1} ${name}`).join(' · ')}.

${table(
  lasting,
  OUTAGES.map(({ name }) => name),
  { retries: false },
)}

Listings and bulk deletes carry no checksum in Swift, so no byte of one is changed here; TLS is what protects them. A login
that fails is not tried again within a client's request: a server that starts repeats it by itself.
`;
}

function table(outcomes: readonly Outcome[], moments: readonly string[], { retries = true } = {}): string {
  const operations = [...new Set(outcomes.map(({ of }) => of.operation.name))];
  const rows = operations.map((name) => {
    const own = outcomes.filter(({ of }) => of.operation.name === name);
    const cells = moments.map((moment) =>
      cellOf(
        own.filter(({ of }) => of.moment.name === moment),
        retries,
      ),
    );
    return [name, String(own[0]?.of.requests.length ?? 0), ...cells, cellOf(own, retries)];
  });
  const head = ['operation', 'requests', ...moments.map((_, i) => String(i + 1)), 'all'];
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function cellOf(outcomes: readonly Outcome[], retries: boolean): string {
  if (outcomes.length === 0) return '–';
  const failed = outcomes.filter(({ failure }) => failure !== undefined).length;
  const passed = failed === 0 ? `${outcomes.length}` : `${outcomes.length - failed} of ${outcomes.length}`;
  const asked = retriesIn(outcomes);
  return retries && asked > 0 ? `${passed} (${asked})` : passed;
}

function retriesIn(outcomes: readonly Outcome[]): number {
  return outcomes.reduce((sum, { retries }) => sum + retries, 0);
}
