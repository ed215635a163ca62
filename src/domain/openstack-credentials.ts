/** Named by id, or by its name. */
export type IdOrName = { readonly id: string } | { readonly name: string };

/** A Keystone user; a name is unique only within its domain. */
export type OpenStackUser = { readonly id: string } | { readonly name: string; readonly domain: IdOrName };

/** What a token is good for: a project, or what a trust delegates. */
export type OpenStackScope =
  | { readonly project: { readonly id: string } | { readonly name: string; readonly domain: IdOrName } }
  | { readonly trust: string };

/** How a token is got: from Keystone v3, or by the v1 login of Swift's own tempauth. */
export type OpenStackCredentials =
  | { readonly kind: 'v1'; readonly user: string; readonly key: string }
  | {
      readonly kind: 'password';
      readonly user: OpenStackUser;
      readonly password: string;
      readonly scope: OpenStackScope;
    }
  | {
      readonly kind: 'application-credential';
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: OpenStackUser };
      readonly secret: string;
    }
  | {
      readonly kind: 'token';
      readonly token: string;
      /** Absent for a token that is used as it is, without a login: `storageUrl` is then needed. */
      readonly scope?: OpenStackScope;
    };

/** Where a Swift account is, and who opens it. */
export interface OpenStackAccount {
  /** Keystone's with or without `/v3`, or the v1 login's. */
  readonly authUrl: string;
  readonly credentials: OpenStackCredentials;
  /** Which endpoint of the catalog; the only one where it is left out. */
  readonly region?: string;
  readonly interface: 'public' | 'internal' | 'admin';
  /** Instead of the catalog's. */
  readonly storageUrl?: string;
  /** Certificates (PEM) that are trusted beside the system's. */
  readonly ca?: string;
}
