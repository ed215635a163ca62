import { rootCertificates } from 'node:tls';

/** What the `ca` of a TLS connection must be for these certificates (PEM) to be trusted beside the public ones. */
export function trustedCertificates(ca: string | undefined): string[] | undefined {
  return ca === undefined ? undefined : [...rootCertificates, ca];
}
