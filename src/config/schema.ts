import { z } from 'zod';
import { auth } from './auth-schema.js';
import { key, optionalKey } from './key-facts.js';
import { duration, flag, integer, integerOr, list, oneOf, size, text, LONGEST_TIMER } from './kinds.js';
import { mirror } from './mirror-schema.js';
import { network, repositoryPattern, serviceUrl, tagPattern } from './shapes.js';
import { swift } from './swift-schema.js';

const server = z.strictObject({
  host: key(text(), '127.0.0.1', {
    aliases: ['HOST'],
    help: 'Address or host name to listen on. Beyond loopback, `auth.mode: none` also needs `auth.allowOpen: true`.',
  }),
  port: key(integer(0, 65_535), 5000, { aliases: ['PORT'], help: 'Port to listen on; 0 takes a free one.' }),
  workers: key(integerOr('auto', 1), 1, {
    help: 'Processes that serve; `auto` starts one for each core.',
  }),
  maxRequestsInFlight: key(integer(1), 1024, {
    help: 'Requests handled at once by one process. As many more that carry a blob, and as many others, wait for up to 10 s, and for half of `server.bodyIdleTimeout` at most; what is too much, or waits longer, is answered 503 with Retry-After before its body is read. An eighth, of two or more at least one, is kept for requests that carry no blob.',
  }),
  drainDelay: key(duration('0s', LONGEST_TIMER), '0s', {
    help: 'How long after SIGTERM the server goes on taking requests while `/readyz` answers 503, so that a balancer in front turns away first: longer than it takes to notice. `0s` where there is none.',
  }),
  drainTimeout: key(duration('0s', LONGEST_TIMER), '30s', {
    help: 'How long requests in flight may take to finish after SIGTERM and `server.drainDelay`. Give a supervisor 20 s more than both together.',
  }),
  headersTimeout: key(duration('1ms', LONGEST_TIMER), '60s', {
    help: 'How long a client may take to send the headers of a request.',
  }),
  keepAliveTimeout: key(duration('1ms', LONGEST_TIMER), '95s', {
    help: 'How long an idle connection stays open. Keep it longer than that of a proxy in front.',
  }),
  publicUrl: optionalKey(serviceUrl(), {
    help: 'What clients call this server, such as `https://registry.example`. Without it, what each request says.',
  }),
  tls: z.strictObject({
    certificate: optionalKey(text(), {
      help: 'File of the certificate with its chain, PEM. With it the server speaks TLS only. Read again when it changes.',
    }),
    key: optionalKey(text(), { help: 'File of the private key of that certificate, PEM.' }),
    clientCa: optionalKey(text(), {
      help: 'File of the authorities, PEM, whose client certificates are a login: the common name is the user or robot. Clients without one log in as ever.',
    }),
  }),
  trustedProxies: key(list(network()), [], {
    help: 'The networks of proxies that are believed what they tell of a client: its address, and how it called them (X-Forwarded-For, -Proto and -Host).',
  }),
  bodyIdleTimeout: key(duration('1ms', LONGEST_TIMER), '120s', {
    help: 'How long a body may pause. A slow upload that keeps sending is never cut off.',
  }),
});

const storage = z.strictObject({
  driver: key(oneOf('filesystem', 'memory', 'swift'), 'filesystem', {
    help: 'Where the data lies. `memory` forgets it when the process ends.',
  }),
  filesystem: z.strictObject({
    root: key(text(), './data', {
      help: 'Directory of the data; relative to the working directory. A directory of CNCF distribution is opened in place.',
    }),
  }),
  swift,
  shared: optionalKey(flag(), {
    help: 'Whether another registry still writes to the store: purges then only report and no marker is written. Without it the store tells.',
  }),
});

const registry = z.strictObject({
  delete: key(flag(), true, { help: 'Whether manifests, tags and blobs can be deleted.' }),
  references: key(oneOf('required', 'sparse'), 'required', {
    help: 'Whether all that a manifest refers to must be there when it is pushed; `sparse` accepts an index whose manifests are missing.',
  }),
  immutableTags: key(list(tagPattern()), [], {
    help: 'Patterns of tags that are set once, and neither moved nor deleted afterwards, such as `releases/**:v*`.',
  }),
  maxManifestBytes: key(size('4MiB'), '4MiB', {
    help: 'The largest manifest accepted; a larger one is answered 413.',
  }),
  maxTagsPerPut: key(integer(1), 20, {
    help: 'The most `?tag=` parameters that one manifest PUT may carry.',
  }),
  maxPageSize: key(integer(1), 1000, {
    help: 'The most entries of one page of tags, repositories or referrers.',
  }),
});

const cache = z.strictObject({
  maxAge: key(duration(), '5s', {
    help: 'How old cached knowledge of what a repository holds may be; `0s` switches it off.',
  }),
  manifestBytes: key(size(), '64MiB', { help: 'Memory for the bytes of manifests, for each process.' }),
});

const uploads = z.strictObject({
  maxAge: key(duration('1ms'), '6d', {
    help: 'How long an upload session can be continued after its start.',
  }),
  purgeAfter: key(duration('1ms'), '8d', {
    help: 'The age at which the purge removes what a dead session left; at least `uploads.maxAge` + 2d.',
  }),
  purgeEvery: key(duration('0s', LONGEST_TIMER), '1d', {
    help: 'How often the purge runs by itself; `0s` switches it off.',
  }),
});

const audit = z.strictObject({
  strict: key(list(repositoryPattern()), [], {
    help: 'Patterns of the repositories of which each pull and push is written down before it is answered. Of others they are written within 10 seconds, and a crash may lose those.',
  }),
  keep: key(duration(), '90d', {
    help: 'How long it is kept what was done; `0s` keeps it for ever.',
  }),
});

const archives = z.strictObject({
  maxBytes: key(size('1MiB'), '64GiB', {
    help: 'The most that the archive of an import may hold when it is decompressed.',
  }),
  maxEntries: key(integer(1), 20_000, {
    help: 'The most files that the archive of an import may hold.',
  }),
});

const log = z.strictObject({
  level: key(oneOf('debug', 'info', 'warn', 'error', 'silent'), 'info', {
    help: 'The least level written to the log.',
  }),
});

/** The one schema: types, defaults and help text of every key. */
export const configSchema = z.strictObject({
  server,
  storage,
  registry,
  cache,
  uploads,
  archives,
  auth,
  audit,
  mirror,
  log,
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Valid and frozen. Durations are milliseconds, sizes are bytes. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;
