import { scopeText } from '../domain/scope.js';
import type { Scope } from '../domain/scope.js';
import { RegistryError } from '../errors/registry-error.js';

/** Why a token that was sent does not do (RFC 6750 §3.1). */
export type TokenFault = 'invalid_token' | 'insufficient_scope';

/**
 * Tells a client where to get a token and for what (distribution's token specification): always 401, all parameters
 * quoted, one scope parameter for all resources.
 */
export function unauthorized(
  { realm, service }: { realm: string; service: string },
  scopes: readonly Scope[],
  fault?: TokenFault,
): RegistryError {
  const parameters = [
    `realm="${realm}"`,
    `service="${service}"`,
    ...(scopes.length > 0 ? [`scope="${scopes.map(scopeText).join(' ')}"`] : []),
    ...(fault === undefined ? [] : [`error="${fault}"`]),
  ];
  const detail = scopes.map(({ type, name, actions }) => ({ Type: type, Name: name, Actions: actions }));
  return new RegistryError('UNAUTHORIZED', undefined, {
    headers: { 'WWW-Authenticate': `Bearer ${parameters.join(',')}` },
    ...(detail.length > 0 && { detail }),
  });
}
