import { createHash } from 'node:crypto';
import { Agent, request as send } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { HerdOutcome, HerdTask } from './herd.js';

/**
 * A program: so many clients that all begin to pull one image at once, each as docker does it: a challenge, a token,
 * the manifest by its tag, then config and layers, three at a time. Docker repeats blobs alone, five times. Its one
 * argument is a HerdTask as JSON; it prints a HerdOutcome.
 */
const AT_ONCE = 3;
const ATTEMPTS = 5;

const task = JSON.parse(process.argv[2] ?? '') as HerdTask;
const origin = new URL(task.url).origin;
const failures: string[] = [];
const milliseconds: number[] = [];
const outcome = { requests: 0, retries: 0, redirected: 0, registryBytes: 0, storageBytes: 0 };
const retryReasons = new Map<string, number>();

class Failed extends Error {
  constructor(
    message: string,
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

async function get(agent: Agent, url: URL, headers: Record<string, string>): Promise<IncomingMessage> {
  outcome.requests += 1;
  return new Promise((resolve, reject) => {
    const request = send(url, { agent, headers }, resolve);
    request.once('error', (error) => reject(new Failed(`GET ${url.pathname}: ${error.message}`)));
    request.end();
  });
}

async function bodyOf(answer: IncomingMessage, expected: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  outcome.registryBytes += body.byteLength;
  if (answer.statusCode !== expected)
    throw new Failed(`${answer.statusCode} instead of ${expected}: ${body.toString().slice(0, 120)}`);
  return body;
}

async function tokenOf(agent: Agent): Promise<Record<string, string>> {
  const ping = await get(agent, new URL('/v2/', origin), {});
  await bodyOf(ping, task.login === undefined ? 200 : 401);
  if (task.login === undefined) return {};
  const realm = /realm="([^"]+)"/.exec(ping.headers['www-authenticate'] ?? '')?.[1];
  if (realm === undefined) throw new Failed('the challenge names no realm');
  const url = new URL(realm);
  url.searchParams.set(
    'service',
    /service="([^"]+)"/.exec(ping.headers['www-authenticate'] ?? '')?.[1] ?? '',
  );
  url.searchParams.set('scope', `repository:${task.repository}:pull`);
  const { username, password } = task.login;
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  const answer = await get(agent, url, { authorization: `Basic ${basic}` });
  const { token } = JSON.parse((await bodyOf(answer, 200)).toString()) as { token: string };
  return { authorization: `Bearer ${token}` };
}

async function pullBlob(agent: Agent, headers: Record<string, string>, digest: string): Promise<void> {
  let answer = await get(agent, new URL(`/v2/${task.repository}/blobs/${digest}`, origin), headers);
  let fromStorage = false;
  if (answer.statusCode === 307) {
    answer.resume();
    outcome.redirected += 1;
    fromStorage = true;
    answer = await get(agent, new URL(answer.headers.location ?? '', origin), {});
  }
  if (answer.statusCode !== 200) {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const told = Buffer.concat(chunks).toString().replace(/\s+/g, ' ').slice(0, 200);
    const by = fromStorage ? 'storage' : 'registry';
    throw new Failed(`blob: ${by} ${answer.statusCode} ${told}`, Number(answer.headers['retry-after'] ?? 0));
  }
  const hash = createHash('sha256');
  try {
    for await (const chunk of answer) {
      hash.update(chunk as Buffer);
      outcome[fromStorage ? 'storageBytes' : 'registryBytes'] += (chunk as Buffer).byteLength;
    }
  } catch (error) {
    throw new Failed(`blob: ${(error as Error).message}`);
  }
  if (`sha256:${hash.digest('hex')}` !== digest) throw new Failed(`blob: ${digest} differs`);
}

async function patiently(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Failed) || attempt === ATTEMPTS) throw error;
      outcome.retries += 1;
      retryReasons.set(error.message, (retryReasons.get(error.message) ?? 0) + 1);
      await delay(Math.max(error.retryAfter, attempt) * 1000);
    }
  }
}

async function pull(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const began = performance.now();
  try {
    const headers = await tokenOf(agent);
    const url = new URL(`/v2/${task.repository}/manifests/${task.tag}`, origin);
    const answer = await get(agent, url, { ...headers, accept: task.mediaType });
    const manifest = await bodyOf(answer, 200);
    const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
    if (digest !== task.digest) throw new Failed('the manifest differs');
    await Promise.all(task.blobs.map((blob) => patiently(() => pullBlob(agent, headers, blob))));
    milliseconds.push(performance.now() - began);
  } catch (error) {
    failures.push((error as Error).message);
  } finally {
    agent.destroy();
  }
}

const began = performance.now();
await Promise.all(Array.from({ length: task.clients }, pull));
const { user, system } = process.cpuUsage();
milliseconds.sort((a, b) => a - b);
const answer: HerdOutcome = {
  ...outcome,
  pulled: milliseconds.length,
  failures,
  retryReasons: Object.fromEntries(retryReasons),
  seconds: (performance.now() - began) / 1000,
  medianMs: milliseconds[Math.floor(milliseconds.length / 2)] ?? NaN,
  slowestMs: milliseconds.at(-1) ?? NaN,
  cpuSeconds: (user + system) / 1e6,
};
console.log(JSON.stringify(answer));
