import { z } from 'zod';
import { key, optionalKey } from './key-facts.js';
import { duration, integer, list, size, text, LONGEST_TIMER } from './kinds.js';
import { hostName, network, platform, upstreamImage } from './shapes.js';
import { upstreams } from './upstream-entries.js';
import { UPSTREAM_MEMBERS } from './upstream-members.js';

const root = z.strictObject({
  upstream: key(text(), 'docker.io', {
    help: "The one upstream that the root mirror serves, by the names that it has there: what `registry-mirrors` of Docker's daemon.json asks for.",
  }),
  port: optionalKey(integer(0, 65_535), {
    help: 'A port of its own for the root mirror, with the certificate of `server.tls` if there is one; 0 takes a free one.',
  }),
  host: key(text(), '127.0.0.1', { help: 'Address or host name on which that port is opened.' }),
  names: key(list(hostName()), [], {
    help: 'Host names by which the root mirror is reached on `server.port`. Nothing else is served there by these names.',
  }),
  networks: key(list(network()), [], {
    help: 'The networks whose clients the root mirror serves, without a login: it reads none, for Docker may send the one of Docker Hub. All others are refused.',
  }),
});

const warm = z.strictObject({
  images: key(list(upstreamImage()), [], {
    help: 'Images that are taken before anybody asks for them, such as `docker.io/library/node:20`.',
  }),
  platforms: key(list(platform()), ['linux/amd64'], {
    help: 'The platforms for which those images are taken.',
  }),
  every: key(duration('0s', LONGEST_TIMER), '0s', {
    help: 'How often they are looked for anew; `0s` switches it off.',
  }),
});

/** The keys of `mirror`. */
export const mirror = z.strictObject({
  upstreams: key(upstreams(), [], {
    members: UPSTREAM_MEMBERS,
    help: 'The registries whose images are also to be had here, under `mirror/NAME/…`, and by `?ns=`; no other is ever asked.',
  }),
  root,
  tagMaxAge: key(duration(), '1m', {
    help: 'How long a tag is answered as it was last seen, without asking the upstream.',
  }),
  missingMaxAge: key(duration(), '30s', {
    help: 'How long it is remembered that an upstream has something not.',
  }),
  staleAfter: key(duration('1ms', LONGEST_TIMER), '3s', {
    help: 'How long an upstream may take to tell of a tag that is known, before it is answered as it was last seen.',
  }),
  connectTimeout: key(duration('1ms', LONGEST_TIMER), '5s', {
    help: 'How long a connection to an upstream may take.',
  }),
  answerTimeout: key(duration('1ms', LONGEST_TIMER), '20s', {
    help: 'How long an upstream may take to begin an answer; three times that in all with its redirects and its token.',
  }),
  idleTimeout: key(duration('1ms', LONGEST_TIMER), '60s', {
    help: 'How long a body of an upstream may pause.',
  }),
  maxBlobBytes: key(size('1MiB'), '64GiB', { help: 'The largest blob that is taken from an upstream.' }),
  maxConnections: key(integer(1), 16, { help: 'The most connections to each upstream, of each process.' }),
  keep: key(duration(), '0s', {
    help: 'How long what was taken from upstreams stays after it was last asked for; `0s` keeps it for ever.',
  }),
  warm,
});
