import { existsSync } from 'node:fs';

/** What a Swift of Debian's packages needs: a file of each package that tells that it is installed. */
export const SWIFT_PACKAGES = {
  'swift-proxy': '/usr/bin/swift-proxy-server',
  'swift-account': '/usr/bin/swift-account-server',
  'swift-container': '/usr/bin/swift-container-server',
  'swift-object': '/usr/bin/swift-object-server',
  'swift-object-expirer': '/usr/bin/swift-object-expirer',
  memcached: '/usr/bin/memcached',
};

/** What a Keystone beside it needs. */
export const KEYSTONE_PACKAGES = {
  keystone: '/usr/bin/keystone-wsgi-public',
  'python3-keystonemiddleware': '/usr/lib/python3/dist-packages/keystonemiddleware',
  'uwsgi-core': '/usr/bin/uwsgi-core',
  'uwsgi-plugin-python3': '/usr/bin/uwsgi_python3',
};

/** The packages of such a table that are not installed. */
export function missingPackages(packages) {
  return Object.keys(packages).filter((name) => !existsSync(packages[name]));
}
