import { z } from 'zod';
import { ACTIONS } from '../domain/scope.js';

/** The schemas that the OpenAPI document has by name. */
export const namedShapes = z.registry<{ id: string }>();

export function named<T extends z.ZodType>(id: string, schema: T): T {
  namedShapes.add(schema, { id });
  return schema;
}

export const MOST_PER_PAGE = 1000;
export const PER_PAGE = 100;

/** What lists may be asked for. */
export const paging = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MOST_PER_PAGE)
    .optional()
    .describe(`The most items of the answer; without it ${PER_PAGE}.`),
  after: z.string().max(2000).optional().describe('The `next` of the page before.'),
};

/** A page of a list. */
export function pageOf<T extends z.ZodType>(id: string, item: T) {
  return named(
    id,
    z.object({
      items: z.array(item),
      next: z.string().optional().describe('Give it as `after` for the next page; absent on the last.'),
    }),
  );
}

export const time = () => z.iso.datetime();
export const bytes = () => z.int().min(0).describe('Bytes.');
export const count = () => z.int().min(0);
export const seconds = () => z.int().min(0).describe('Seconds.');

export const localName = () =>
  z
    .string()
    .describe(
      '1 to 64 letters, digits, dots, dashes and underscores; begins and ends with a letter or digit.',
    );
export const repositoryName = () =>
  z.string().describe('The name of a repository; in a path `/` is written `%2F`.');
export const tagName = () => z.string().describe('A tag.');
export const reference = () => z.string().describe('A tag or digest.');
export const digest = () => z.string().describe('A digest, such as `sha256:…`.');

export const actions = () => z.array(z.enum(ACTIONS)).min(1);
const grantFields = {
  repositories: z.string().describe('A pattern: `*` stands for a part of a component, `**` for components.'),
  actions: actions(),
};
/** As it is asked for. */
export const wishedGrant = named('WishedGrant', z.strictObject(grantFields));
/** As it is told. */
export const toldGrant = named('ToldGrant', z.object(grantFields));
