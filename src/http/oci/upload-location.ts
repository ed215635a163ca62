import type { RepositoryName } from '../../domain/repository-name.js';
import type { SessionRef, UploadProgress } from '../../registry/session-states.js';

const STATE = /^(\d{1,16})-(\d{1,16})$/;

/** Headers that tell a client where its upload is and how it goes on. */
export function uploadHeaders(name: RepositoryName, progress: UploadProgress): readonly [string, string][] {
  const { id, set, start, end } = progress;
  return [
    ['Location', `/v2/${name}/blobs/uploads/${id}?_state=${start}-${end}`],
    ['Range', `0-${Math.max(0, end - 1)}`],
    ['Docker-Upload-UUID', set],
  ];
}

/** The session that a URL names; without a state of ours in its query, from its beginning. */
export function sessionRef(id: string, query: URLSearchParams): SessionRef {
  const [, start = '0', end = '0'] = STATE.exec(query.get('_state') ?? '') ?? [];
  return { id, start: Number(start), end: Number(end) };
}
