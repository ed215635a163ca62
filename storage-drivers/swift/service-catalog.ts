import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';

interface Endpoint {
  readonly interface?: string;
  readonly region?: string | null;
  readonly url?: string;
}

interface Service {
  readonly type?: string;
  readonly endpoints?: readonly Endpoint[];
}

/** The URL of the account's Swift, or why there is none: a cause and a fix. */
export type EndpointChoice = { readonly url: string } | { readonly problem: string };

/**
 * The `object-store` endpoint of a Keystone v3 catalog. pkgcloud's own choice loses services that share a name,
 * needs a region where there is only one, and cannot tell what the catalog holds.
 */
export function chooseEndpoint(
  catalog: readonly Service[] | undefined,
  { region, interface: wanted }: Pick<OpenStackAccount, 'region' | 'interface'>,
): EndpointChoice {
  if (catalog === undefined) {
    return {
      problem:
        'the token has no service catalog, so it is not scoped to a project; give a project or a trust',
    };
  }
  const endpoints = catalog
    .filter(({ type }) => type === 'object-store')
    .flatMap((service) => service.endpoints ?? []);
  if (endpoints.length === 0) {
    return {
      problem:
        'the service catalog has no object-store; have Swift entered there or set storage.swift.storageUrl',
    };
  }
  const regions = distinct(endpoints.map((endpoint) => endpoint.region));
  if (region === undefined && regions.length > 1) {
    return {
      problem: `object-store is in ${regions.length} regions; set storage.swift.region to ${or(regions)}`,
    };
  }
  const here = endpoints.filter((endpoint) => region === undefined || endpoint.region === region);
  if (here.length === 0) {
    return {
      problem: `object-store is not in the region ${region}; set storage.swift.region to ${or(regions)}`,
    };
  }
  const url = here.find((endpoint) => endpoint.interface === wanted)?.url;
  if (url !== undefined && URL.canParse(url)) return { url };
  const interfaces = distinct(here.map((endpoint) => endpoint.interface));
  return {
    problem:
      url === undefined
        ? `object-store has no ${wanted} endpoint; set storage.swift.interface to ${or(interfaces)}`
        : `the ${wanted} endpoint of object-store is no URL: ${url}; set storage.swift.storageUrl`,
  };
}

function distinct(names: readonly (string | null | undefined)[]): string[] {
  return [...new Set(names.filter((name) => typeof name === 'string'))].sort();
}

function or(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? 'nothing') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
