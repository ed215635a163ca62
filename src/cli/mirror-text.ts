import { formatDuration } from '../composition/process-config.js';
import type { OperationResult } from '../api/operations.js';
import { grid, readableBytes, readableTime, table } from './output.js';

type Status = OperationResult<'getMirror'>;
type Upstream = Status['upstreams'][number];
type WarmImage = Status['warm']['images'][number];

const HEADING = ['upstream', 'state', 'since', 'hits', 'misses', 'saved', 'received', 'stale', 'failures'];

/** What `stackyard mirror status` shows to people. */
export function mirrorText(status: Status): string {
  const { upstreams, warm } = status;
  if (upstreams.length === 0)
    return 'no upstream is configured: name one in mirror.upstreams, such as docker.io; see docs/mirror.md\n';
  const parts = [grid(HEADING, upstreams.map(rowOf)), reasonsOf(upstreams), table(settingsOf(status))];
  if (warm.images.length > 0) parts.push(grid(['image', 'last warm-up', 'result'], warm.images.map(warmRow)));
  return parts.filter((part) => part !== '').join('\n');
}

function rowOf(upstream: Upstream): string[] {
  const { name, state, since, hits, misses, bytesSaved, bytesReceived, stale, failures } = upstream;
  const failed = Object.entries(failures).filter(([, count]) => count > 0);
  return [
    name,
    state,
    readableTime(since, 'not asked yet'),
    sum(hits),
    sum(misses),
    readableBytes(bytesSaved),
    readableBytes(bytesReceived),
    String(stale),
    failed.map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none',
  ];
}

function sum({ manifests, blobs }: Upstream['hits']): string {
  return String(manifests + blobs);
}

/** Of those that are not up. */
function reasonsOf(upstreams: readonly Upstream[]): string {
  const rows = upstreams.flatMap(({ name, state, until, reason }): [string, string][] => {
    if (state === 'up' || reason === undefined) return [];
    return [[name, until === undefined ? reason : `${reason} (not asked until ${readableTime(until, '')})`]];
  });
  return table(rows);
}

function settingsOf({ root, keep, warm }: Status): [string, string][] {
  return [
    ['root mirror', root.on ? `on, serves ${root.upstream ?? ''}` : 'off'],
    ['unused images', keep === 0 ? 'stay for ever' : `stay for ${formatDuration(keep * 1000)}`],
    ['warm-up', warm.every === 0 ? 'not scheduled' : `every ${formatDuration(warm.every * 1000)}`],
  ];
}

function warmRow({ image, last }: WarmImage): string[] {
  if (last === undefined) return [image, 'never', ''];
  const result = last.outcome === 'ok' ? (last.digest ?? 'ok') : `failed: ${last.reason ?? ''}`;
  return [image, readableTime(last.at, ''), result];
}
