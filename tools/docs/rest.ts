/** Every route of the REST service, from its OpenAPI document. */
import type { OpenAPIV3_1 } from 'openapi-types';
import { openService } from '../../test/integration/web/service.ts';
import { code, escaped, page, table } from './markdown.ts';

type Schema = OpenAPIV3_1.SchemaObject | OpenAPIV3_1.ReferenceObject;

/** The document as the service serves it. */
async function document(): Promise<OpenAPIV3_1.Document> {
  const service = await openService({});
  try {
    await service.app.ready();
    return service.app.swagger() as OpenAPIV3_1.Document;
  } finally {
    await service.close();
  }
}

const link = (reference: string): string => {
  const name = reference.split('/').at(-1) ?? '';
  return `[${name}](#${name.toLowerCase()})`;
};

/** `integer, 1 to 100`, `list of [Job](#job)`, `open or sealed`. */
function typeOf(schema: Schema | undefined): string {
  if (schema === undefined) return '';
  if ('$ref' in schema) return link(schema.$ref);
  const { anyOf, enum: values, type, format, minimum, maximum } = schema;
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(' or ');
  if (values !== undefined) return values.map((value) => code(String(value))).join(' or ');
  if (type === 'array') return `list of ${typeOf((schema as OpenAPIV3_1.ArraySchemaObject).items)}`;
  const range = [
    bounded(minimum) && minimum !== 0 ? `from ${minimum}` : '',
    bounded(maximum) ? `to ${maximum}` : '',
  ];
  return [[type, format && `(${format})`].filter(Boolean).join(' '), ...range].filter(Boolean).join(' ');
}

/** Others are only the bounds of whole numbers. */
const bounded = (value: number | undefined): boolean =>
  value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;

function propertyTable(schema: OpenAPIV3_1.SchemaObject): string {
  const { properties = {}, required = [] } = schema;
  const rows = Object.entries(properties).map(([name, each]) => [
    code(name),
    typeOf(each),
    required.includes(name) ? 'always' : '',
    escaped(('description' in each && each.description) || ''),
  ]);
  return rows.length === 0 ? typeOf(schema) : table(['property', 'type', 'present', ''], rows);
}

/** Fastify describes a response that has no description with these words. */
const described = (text: string): string => (text === 'Default Response' ? '' : escaped(text));

const bodyOf = (content: Readonly<Record<string, OpenAPIV3_1.MediaTypeObject>> = {}): string =>
  Object.entries(content)
    .map(([type, { schema }]) => `${code(type)} ${typeOf(schema)}`.trim())
    .join(', ');

function operation(method: string, path: string, given: OpenAPIV3_1.OperationObject): string[] {
  const { summary = '', description, parameters = [], requestBody, responses = {} } = given;
  const named = parameters
    .filter((each) => 'name' in each)
    .map(({ name, in: where, required, schema, description: what }) => [
      code(name),
      where,
      typeOf(schema as Schema),
      required === true ? 'required' : '',
      escaped(what ?? ''),
    ]);
  const body = requestBody !== undefined && 'content' in requestBody ? bodyOf(requestBody.content) : '';
  const answers = Object.entries(responses).map(([status, answer]) =>
    'content' in answer
      ? [status, described(answer.description), bodyOf(answer.content)]
      : [status, escaped('description' in answer ? answer.description : ''), ''],
  );
  const isProblem = ([, , content = '']: readonly string[]) => content.includes('problem+json');
  const problems = answers.filter(isProblem).map(([status]) => status);
  return [
    `### ${method.toUpperCase()} ${path}`,
    `${escaped(summary)}.`,
    ...(description === undefined ? [] : [description]),
    ...(named.length === 0 ? [] : [table(['parameter', 'in', 'type', '', ''], named)]),
    ...(body === '' ? [] : [`Body: ${body}.`]),
    table(
      ['status', '', 'content'],
      answers.filter((answer) => !isProblem(answer)),
    ),
    ...(problems.length === 0 ? [] : [`Problems: ${problems.join(', ')}.`]),
  ];
}

export async function restPage(): Promise<string> {
  const { paths = {}, components = {}, tags = [] } = await document();
  const operations = Object.entries(paths).flatMap(([path, methods = {}]) =>
    Object.entries(methods).map(([method, given]) => ({
      method,
      path,
      given: given as OpenAPIV3_1.OperationObject,
    })),
  );
  const sections = tags.flatMap(({ name, description = '' }) => [
    `## ${description}`,
    ...operations
      .filter(({ given }) => given.tags?.includes(name))
      .flatMap(({ method, path, given }) => operation(method, path, given)),
  ]);
  const schemas = Object.entries(components.schemas ?? {}).flatMap(([name, schema]) => [
    `### ${name}`,
    propertyTable(schema as OpenAPIV3_1.SchemaObject),
  ]);
  return page(
    'REST routes',
    '[The REST service](../rest.md) explains them with examples. A running service has the OpenAPI document at `/openapi.json` and a reference at `/docs`. Problems are `application/problem+json` (RFC 9457): [Problem](#problem), [all texts](errors.md#responses-of-the-rest-service).',
    ...sections,
    '## Schemas',
    ...schemas,
  );
}
