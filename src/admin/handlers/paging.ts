import { PER_PAGE } from '../../api/shapes.js';
import type { PageRequest } from '../../domain/page.js';

interface PageQuery {
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
}

/** The page that a query asks for. */
export function pageRequest({ limit = PER_PAGE, after }: PageQuery): PageRequest {
  return { limit, ...(after !== undefined && { last: after }) };
}
