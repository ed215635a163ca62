import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Target } from '../subject.js';
import type { Load } from './jobs.js';

/** Requests are formatted once, then only handed out; the result is one line that is ours to parse. */
const script = `
local requests, at = {}, 0
function init(args)
  local headers = {}
  for line in io.lines(args[2]) do
    local name, value = line:match("^(.-): (.*)$")
    headers[name] = value
  end
  for path in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", path, headers) end
end
function request()
  at = at + 1
  if at > #requests then at = 1 end
  return requests[at]
end
function done(summary, latency)
  local stat = io.open("/proc/self/stat"):read("*l"):match("%) (.*)")
  local fields = {}
  for field in stat:gmatch("%S+") do fields[#fields + 1] = tonumber(field) or 0 end
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"socket":%d,"status":%d,"cpuTicks":%d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.timeout, e.status, fields[12] + fields[13]))
end
`;

interface WrkResult {
  readonly requests: number;
  readonly microseconds: number;
  readonly bytes: number;
  readonly p50: number;
  readonly p99: number;
  readonly socket: number;
  readonly status: number;
  readonly cpuTicks: number;
}

export interface WrkJob {
  readonly target: Target;
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  /** Whole seconds. */
  readonly seconds: number;
  /** The mean answer must be at least this long, head included: a cheap check of every answer together. */
  readonly leastMeanBytes: number;
}

/** GETs of many paths by wrk with one thread: the cheapest client there is here. Throws when wrk itself fails. */
export async function runWrk(directory: string, job: WrkJob): Promise<Load> {
  const scriptFile = join(directory, 'paths.lua');
  const pathsFile = join(directory, 'paths.txt');
  await writeFile(scriptFile, script);
  // in a file, for a token among them must not be read from the process list
  const headersFile = join(directory, 'headers.txt');
  await writeFile(pathsFile, `${job.paths.join('\n')}\n`);
  const headers = Object.entries(job.headers).map(([name, value]) => `${name}: ${value}\n`);
  await writeFile(headersFile, headers.join(''), { mode: 0o600 });
  const url = `http://${job.target.host}:${job.target.port}`;
  const load = [`-t1`, `-c${job.connections}`, `-d${job.seconds}s`, '--timeout', '10s', '-s', scriptFile];
  const wrk = spawn('wrk', [...load, url, '--', pathsFile, headersFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [wrk.stdout, wrk.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => (output += text));
  }
  const timer = setTimeout(() => wrk.kill('SIGKILL'), (job.seconds + 30) * 1000);
  await once(wrk, 'close');
  clearTimeout(timer);
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk failed:\n${output}`);
  const result = JSON.parse(line) as WrkResult;
  const errorSamples: string[] = [];
  if (result.socket > 0) errorSamples.push(`wrk: ${result.socket} socket errors or timeouts`);
  if (result.status > 0) errorSamples.push(`wrk: ${result.status} answers above 399`);
  const mean = result.requests > 0 ? result.bytes / result.requests : 0;
  const short = mean < job.leastMeanBytes;
  if (short) errorSamples.push(`wrk: ${mean.toFixed(0)} bytes per answer, wanted ${job.leastMeanBytes}`);
  return {
    operations: result.requests,
    bytes: result.bytes,
    seconds: result.microseconds / 1e6,
    p50: result.p50 / 1000,
    p99: result.p99 / 1000,
    errors: result.socket + result.status + (short ? result.requests : 0),
    errorSamples,
    generatorCpuSeconds: result.cpuTicks / 100,
  };
}
