// What the command line understands of users and rights without opening a store.
export { Digest } from '../domain/digest.js';
export {
  granteeText,
  parseGrant,
  parseGrantee,
  parseLocalName,
  type Grant,
  type Grantee,
} from '../domain/grant.js';
export { InvalidValue } from '../domain/invalid-value.js';
export { parsePlatform } from '../domain/platform.js';
export { parseReference, parseTag } from '../domain/reference.js';
export { parseRepositoryName } from '../domain/repository-name.js';
export { RepositoryPattern } from '../domain/repository-pattern.js';
export { ACTIONS, parseActions, type Action } from '../domain/scope.js';
export { AUDIT_ACTIONS, type AuditAction } from '../ports/audit.js';
export { parseServerUrl } from '../client/server-url.js';
