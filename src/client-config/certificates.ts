import { refuse } from './client-config-error.js';

const LABELS = /-----BEGIN ([^\n]*)-----/g;
const BLOCK = /^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----$/gm;
const FIX = 'give the PEM text of the authority that signed it, CERTIFICATE blocks alone';

/** PEM with lines ended by LF and exactly one of these at its end. @throws ClientConfigError */
export function parseCertificates(text: string, member: string): string {
  const lines = text.replaceAll('\r\n', '\n');
  const labels = [...lines.matchAll(LABELS)].map(([, label = '']) => label);
  if (labels.some((label) => label.includes('PRIVATE KEY')))
    refuse(member, `it holds a private key, which clients must not have; ${FIX}`);
  if (labels.length === 0) refuse(member, `it holds no certificate; ${FIX}`);
  if (labels.some((label) => label !== 'CERTIFICATE'))
    refuse(member, `it holds something else than certificates; ${FIX}`);
  if ((lines.match(BLOCK) ?? []).length !== labels.length)
    refuse(member, `a certificate in it is broken; ${FIX}`);

  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(lines)) refuse(member, `it holds control characters; ${FIX}`);
  return `${lines.replace(/\n*$/, '')}\n`;
}
