/** The part of pkgcloud 2.2.0 that is used: its login. Names with an underscore are its own, hence the exact version. */
declare module 'pkgcloud/lib/pkgcloud/openstack/context/index.js' {
  export interface IdentityOptions {
    readonly url: string;
    /** 1 for the login of Swift's own accounts. */
    readonly version?: 1;
    readonly keystoneAuthVersion?: 'v3';
    readonly username?: string;
    readonly password?: string;
  }

  export class Identity {
    constructor(options: IdentityOptions);
    readonly options: IdentityOptions;
    token?: { readonly id?: string };
    _storageUrl?: string;
    /** `true` sends no body. */
    _authenticationPayload?: object | true;
    /** Calls back without an error also for most statuses of failure. */
    authorize(callback: (error?: unknown) => void): void;
    on(event: 'log::trace', listener: (message: string, details?: unknown) => void): this;
    _buildAuthenticationPayload(): void;
    _parseIdentityResponse(body: unknown, headers: Readonly<Record<string, string | undefined>>): void;
  }
}
