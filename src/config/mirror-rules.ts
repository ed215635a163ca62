import { parseUpstreamImage } from '../domain/upstream-image.js';
import type { Config } from './schema.js';

type Rule = (config: Config, where: (path: string) => string) => string | undefined;

const rootUpstream: Rule = ({ mirror }, where) => {
  const key = rootKey(mirror);
  if (key === undefined || isUpstream(mirror, mirror.root.upstream)) return undefined;
  return (
    `mirror.root.upstream (${where('mirror.root.upstream')}): '${mirror.root.upstream}' is not one of ` +
    `mirror.upstreams and ${key} is given; add it there, or name one that is`
  );
};

const rootNetworks: Rule = ({ mirror }, where) => {
  const key = rootKey(mirror);
  if (key === undefined || mirror.root.networks.length > 0) return undefined;
  return (
    `${key} (${where(key)}): the root mirror serves nobody without mirror.root.networks; ` +
    'give the networks of its clients, such as 10.0.0.0/8'
  );
};

const rootPort: Rule = ({ mirror: { root }, server }, where) => {
  if (root.port === undefined || root.port === 0 || root.port !== server.port) return undefined;
  return (
    `mirror.root.port (${where('mirror.root.port')}): ${root.port} is server.port already; ` +
    'give another, or host names of its own by mirror.root.names'
  );
};

const rootNames: Rule = ({ mirror: { root }, server: { publicUrl } }, where) => {
  const own = publicUrl === undefined ? undefined : new URL(publicUrl).hostname;
  if (own === undefined || !root.names.includes(own)) return undefined;
  return (
    `mirror.root.names (${where('mirror.root.names')}): ${own} is the host of server.publicUrl, where nothing ` +
    'but the root mirror would be left; give another name'
  );
};

const warmUpstreams: Rule = ({ mirror }, where) => {
  const unknown = mirror.warm.images.find((image) => !isUpstream(mirror, parseUpstreamImage(image).upstream));
  if (unknown === undefined) return undefined;
  return (
    `mirror.warm.images (${where('mirror.warm.images')}): the upstream of '${unknown}' is not one of ` +
    'mirror.upstreams; add it there'
  );
};

/** Of what is taken from upstreams. */
export const MIRROR_RULES: readonly Rule[] = [rootUpstream, rootNetworks, rootPort, rootNames, warmUpstreams];

/** By which there is a root mirror at all. */
function rootKey({ root }: Config['mirror']): string | undefined {
  if (root.port !== undefined) return 'mirror.root.port';
  return root.names.length > 0 ? 'mirror.root.names' : undefined;
}

function isUpstream({ upstreams }: Config['mirror'], name: string): boolean {
  return upstreams.some((upstream) => upstream.name === name);
}
