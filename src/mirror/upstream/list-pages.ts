import { readBounded } from './bounded-body.js';
import { nextPath } from './next-page.js';
import type { Remote } from '../remote.js';
import { UpstreamError } from './upstream-error.js';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4 * MIB;
const LIST_BYTES = 8 * MIB;

export interface ListQuestion {
  /** Of its first page, as in `UpstreamRequest`. */
  readonly path: string;
  readonly accept?: string;
  /** Beyond them it is not followed. */
  readonly mostPages: number;
  /** Milliseconds that the bytes of a page may take. */
  readonly bodyTimeout: number;
}

export interface ListPage {
  readonly bytes: Buffer;
  readonly isLast: boolean;
}

/**
 * The pages of a list of an upstream, each of at most 4 MiB and together of at most 8.
 * @throws UpstreamError, also for a page that is longer, and for pages that lead in a circle
 */
export async function* listPages(remote: Remote, question: ListQuestion): AsyncGenerator<ListPage> {
  const { access, upstream, name: repository } = remote;
  const { path: first, accept, mostPages, bodyTimeout } = question;
  const [base = ''] = first.split('?', 1);
  const failure = (why: string): UpstreamError =>
    new UpstreamError('unavailable', `${base} of ${repository} at ${upstream.name} ${why}`);
  const asked = new Set<string>();
  let left = LIST_BYTES;
  for (let path: string | undefined = first; path !== undefined && asked.size < mostPages;) {
    if (asked.has(path)) throw failure('leads from page to page in a circle');
    asked.add(path);
    const answer = await access.ask({
      method: 'GET',
      repository,
      path,
      ...(accept !== undefined && { accept }),
    });
    const limit = Math.min(PAGE_BYTES, left);
    const bytes = await readBounded(answer.body, { limit, timeout: bodyTimeout });
    if (bytes === undefined) {
      throw failure(
        `breaks off, or is longer than ${PAGE_BYTES / MIB} MiB a page or ${LIST_BYTES / MIB} MiB in all`,
      );
    }
    left -= bytes.byteLength;
    path = nextPath(answer.link, base);
    yield { bytes, isLast: path === undefined };
  }
}
