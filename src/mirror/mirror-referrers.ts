import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { parseManifest } from '../domain/manifest.js';
import { MEDIA_TYPE } from '../domain/media-type.js';
import { byCodeUnit } from '../domain/page.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { ServedRegistry } from '../registry/registry.js';
import { readBounded } from './bounded-body.js';
import { nextPath } from './next-page.js';
import type { Remote, Remotes } from './remote.js';
import { UpstreamError, isUpstreamError } from './upstream-error.js';

const PAGE_BYTES = 4 * 1024 * 1024;
const MOST_PAGES = 20;

export interface MirrorReferrersParts {
  readonly inner: ServedRegistry['referrers'];
  readonly remotes: Remotes;
  /** Milliseconds that the bytes of a list may take. */
  readonly bodyTimeout: number;
}

/**
 * Referrers, those of the mirror as their upstreams list them, by the API or by the tag that stands for it (OCI
 * distribution-spec "Referrers Tag Schema"); while these cannot be asked, those that were pulled.
 */
export class MirrorReferrers {
  constructor(private readonly parts: MirrorReferrersParts) {}

  async *list(name: RepositoryName, subject: Digest, last = ''): AsyncGenerator<Descriptor> {
    const { inner, remotes } = this.parts;
    const remote = remotes(name);
    const theirs = remote && (await this.listThere(remote, subject));
    if (theirs === undefined) {
      yield* inner.list(name, subject, last);
      return;
    }
    const following = theirs.filter(({ digest }) => digest.toString() > last);
    yield* following.sort((a, b) => byCodeUnit(a.digest.toString(), b.digest.toString()));
  }

  /** Undefined where it cannot be asked. */
  private async listThere(remote: Remote, subject: Digest): Promise<Descriptor[] | undefined> {
    try {
      return await this.pages(remote, `referrers/${subject.toString()}`);
    } catch (error) {
      if (!isUpstreamError(error, 'absent')) return undefinedIfFailed(error);
    }
    try {
      return await this.pages(remote, `manifests/${subject.algorithm}-${subject.hex.slice(0, 64)}`);
    } catch (error) {
      return isUpstreamError(error, 'absent') ? [] : undefinedIfFailed(error);
    }
  }

  private async pages(remote: Remote, first: string): Promise<Descriptor[]> {
    const { access, name: repository } = remote;
    const found = new Map<string, Descriptor>();
    let path: string | undefined = first;
    for (let pages = 0; path !== undefined && pages < MOST_PAGES; pages += 1) {
      const answer = await access.ask({ method: 'GET', repository, path, accept: MEDIA_TYPE.ociIndex });
      const bytes = await readBounded(answer.body, { limit: PAGE_BYTES, timeout: this.parts.bodyTimeout });
      for (const descriptor of descriptorsIn(bytes, remote))
        found.set(descriptor.digest.toString(), descriptor);
      path = nextPath(answer.link, first);
    }
    return [...found.values()];
  }
}

/** @throws UpstreamError for what is no index */
function descriptorsIn(bytes: Buffer | undefined, { upstream, name }: Remote): readonly Descriptor[] {
  try {
    if (bytes !== undefined) return parseManifest(bytes).manifests;
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
  }
  throw new UpstreamError(
    'unavailable',
    `the referrers that ${upstream.name} lists for ${name} are cut or no index`,
  );
}

function undefinedIfFailed(error: unknown): undefined {
  if (!(error instanceof UpstreamError)) throw error;
}
