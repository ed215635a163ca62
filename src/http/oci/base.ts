import { sendJson } from '../response.js';
import type { OciCall } from './call.js';

/** GET /v2/ (OCI end-1). */
export function getBase({ res }: OciCall): void {
  sendJson(res, 200, [], {});
}

/** GET …/_oci/ext/discover: no extensions. */
export function getExtensions({ res }: OciCall): void {
  sendJson(res, 200, [], { extensions: [] });
}
