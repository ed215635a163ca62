import { userInfo } from 'node:os';
import { join } from 'node:path';
import { withSettings } from './ini.mjs';
import { KEYSTONE_SERVICE, TEMPAUTH_USERS } from './accounts.mjs';

const LOOPBACK = '127.0.0.1';

/** The settings of memcached's user, the backends and the main proxy: file name → section → key → value. */
export function swiftFiles({ root, ports, listen, keystone, settings }) {
  const common = commonSettings(root);
  const updater = { concurrency: 1, recon_cache_path: join(root, 'cache') };
  const files = {
    swift: swift(),
    'account-server': backend('account', { ...common, bind_port: ports.account, workers: 0 }),
    'container-server': {
      ...backend('container', { ...common, bind_port: ports.container, workers: 0 }),
      // Only the totals of an account wait for this one, and a sweep keeps a core busy for many seconds.
      'container-updater': { ...updater, interval: 600, account_suppression_time: 1 },
    },
    'object-server': {
      ...backend('object', { ...common, bind_port: ports.object, workers: 2 }),
      'object-updater': { ...updater, interval: 10 },
    },
    'object-expirer': expirer({ ...common, memcached: ports.memcached }),
    'proxy-server': proxy({
      common: { ...common, bind_ip: listen, bind_port: ports.proxy, workers: 2 },
      memcached: ports.memcached,
      keystone: keystone ? ports.keystone : undefined,
    }),
  };
  return withSettings(files, settings);
}

/**
 * The settings of a further proxy over the same devices. Its swift.conf is its own, so that limits can differ, and so is
 * its container server, which is the one that cuts listings.
 */
export function proxyFiles({ root, name, ports, listen, keystone, settings }) {
  const common = { ...commonSettings(root), swift_dir: join(root, 'etc', name), workers: 0 };
  const files = {
    swift: swift(),
    'container-server': backend('container', { ...common, bind_port: ports[`${name}-container`] }),
    'proxy-server': proxy({
      common: { ...common, bind_ip: listen, bind_port: ports[`${name}-proxy`] },
      memcached: ports[`${name}-memcached`],
      keystone: keystone ? ports.keystone : undefined,
    }),
  };
  return withSettings(files, settings);
}

function swift() {
  return {
    'swift-hash': { swift_hash_path_prefix: 'stackyard', swift_hash_path_suffix: 'stackyard' },
    'storage-policy:0': { name: 'Policy-0', default: 'yes' },
    'swift-constraints': {},
  };
}

function commonSettings(root) {
  return {
    user: userInfo().username,
    swift_dir: join(root, 'etc'),
    devices: join(root, 'srv'),
    mount_check: 'false',
    bind_ip: LOOPBACK,
    log_level: 'INFO',
  };
}

function backend(name, common) {
  return {
    DEFAULT: { ...common, fallocate_reserve: 0 },
    'pipeline:main': { pipeline: `healthcheck ${name}-server` },
    [`app:${name}-server`]: { use: `egg:swift#${name}`, log_requests: 'false' },
    'filter:healthcheck': { use: 'egg:swift#healthcheck' },
  };
}

function expirer({ memcached, ...common }) {
  return {
    DEFAULT: common,
    'object-expirer': { interval: 5, recon_cache_path: join(common.devices, '..', 'cache') },
    'pipeline:main': { pipeline: 'catch_errors cache proxy-server' },
    'app:proxy-server': { use: 'egg:swift#proxy' },
    ...filters(['catch_errors']),
    'filter:cache': cache(memcached),
  };
}

const BEFORE_AUTH = [
  'catch_errors',
  'gatekeeper',
  'healthcheck',
  'proxy-logging',
  'cache',
  'listing_formats',
  'container_sync',
  'bulk',
  'tempurl',
];
const AFTER_AUTH = [
  'copy',
  'container-quotas',
  'account-quotas',
  'slo',
  'dlo',
  'versioned_writes',
  'symlink',
  'proxy-logging',
];

function proxy({ common, memcached, keystone }) {
  const auth = keystone === undefined ? ['tempauth'] : ['authtoken', 'keystoneauth', 'tempauth'];
  return {
    DEFAULT: common,
    'pipeline:main': { pipeline: [...BEFORE_AUTH, ...auth, ...AFTER_AUTH, 'proxy-server'].join(' ') },
    'app:proxy-server': {
      use: 'egg:swift#proxy',
      allow_account_management: 'true',
      account_autocreate: 'true',
      // With one replica the default answers 503 for a minute after a backend that was down is well again.
      error_suppression_limit: 1_000_000,
      error_suppression_interval: 1,
    },
    ...filters([...BEFORE_AUTH, ...AFTER_AUTH]),
    'filter:cache': cache(memcached),
    'filter:versioned_writes': { use: 'egg:swift#versioned_writes', allow_object_versioning: 'true' },
    'filter:tempauth': { use: 'egg:swift#tempauth', token_life: 86_400, ...TEMPAUTH_USERS },
    ...(keystone === undefined ? {} : keystoneFilters(keystone)),
  };
}

function filters(names) {
  return Object.fromEntries(
    names.map((name) => [`filter:${name}`, { use: `egg:swift#${name.replaceAll('-', '_')}` }]),
  );
}

function cache(port) {
  // With the two connections of the default a crowd finds none free, and Swift forgets its tokens for a minute.
  return {
    use: 'egg:swift#memcache',
    memcache_servers: `${LOOPBACK}:${port}`,
    memcache_max_connections: 64,
    error_suppression_limit: 1_000_000,
    pool_timeout: 10,
  };
}

function keystoneFilters(port) {
  const url = `http://${LOOPBACK}:${port}/v3`;
  return {
    'filter:authtoken': {
      'paste.filter_factory': 'beside_tempauth:filter_factory',
      www_authenticate_uri: url,
      auth_url: url,
      auth_type: 'password',
      project_domain_id: 'default',
      user_domain_id: 'default',
      project_name: KEYSTONE_SERVICE.project,
      username: KEYSTONE_SERVICE.user,
      password: KEYSTONE_SERVICE.password,
      delay_auth_decision: 'true',
      cache: 'swift.cache',
      include_service_catalog: 'false',
      service_token_roles_required: 'true',
    },
    'filter:keystoneauth': {
      use: 'egg:swift#keystoneauth',
      reseller_prefix: 'KEY',
      operator_roles: 'admin, swiftoperator',
      reseller_admin_role: 'ResellerAdmin',
    },
  };
}
