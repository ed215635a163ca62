import { InvalidValue } from '../domain/invalid-value.js';
import type { Reference } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { parseUpstreamImage } from '../domain/upstream-image.js';
import { mirroredName } from './namespaces.js';
import type { Upstream } from './upstream/upstream.js';

/** Docker Hub's own images have no namespace in what people write. */
const HUB = 'docker.io';

/** An image of an upstream, as the mirror has it. */
export interface MirroredImage {
  /** The same for every way to write it: `docker.io/library/node:20`. */
  readonly text: string;
  /** Below `mirror/`. */
  readonly name: RepositoryName;
  readonly reference: Reference;
}

/**
 * What people write, such as `docker.io/node:20`, `quay.io/team/app@sha256:…` or `localhost:5001/app`: first an upstream's
 * name or one of its namespaces; without a tag `latest`; of tag and digest the digest counts.
 * @throws InvalidValue; RegistryError NAME_INVALID where it is too long
 */
export function parseMirroredImage(text: string, upstreams: readonly Upstream[]): MirroredImage {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const upstream = upstreams.find(({ name, namespaces }) => name === first || namespaces.includes(first));
  if (upstream === undefined) throw new InvalidValue('repository', unknownUpstream(text, upstreams));
  const rest = text.slice(slash + 1).replace(/:[^:/@]+(?=@)/, '');
  const isHubsOwn = upstream.name === HUB && !rest.replace(/@.*$/, '').includes('/');
  const image = parseUpstreamImage(`${upstream.name}/${isHubsOwn ? 'library/' : ''}${rest}`);
  const { repository, reference } = image;
  return {
    text: `${upstream.name}/${repository}${reference.kind === 'tag' ? `:${reference.tag}` : `@${reference.digest.toString()}`}`,
    name: mirroredName(upstream, repository),
    reference,
  };
}

function unknownUpstream(text: string, upstreams: readonly Upstream[]): string {
  if (upstreams.length === 0) return `'${text}' has no upstream here: add one to mirror.upstreams`;
  const known = upstreams.map(({ name }) => name).join(', ');
  return `'${text}' begins with no upstream: give one of ${known} first, as in ${upstreams[0]?.name}/team/app:1`;
}
