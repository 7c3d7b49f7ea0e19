/** Every route of the REST service, from its OpenAPI document. */
import type { OpenAPIV3_1 } from 'openapi-types';
import {
  type Content,
  type NamedSchema,
  type Operation,
  operationsOf,
  propertiesOf,
  schemasOf,
  typeText,
} from '../../src/web/reference/operations.ts';
import { openService } from '../../test/integration/web/service.ts';
import { code, escaped, page, table } from './markdown.ts';

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

const link = (name: string): string => `[${name}](#${name.toLowerCase()})`;
const typeOf = (schema: Content['schema']): string => typeText(schema, { code, link });

function propertyTable(schema: NamedSchema['schema']): string {
  const rows = propertiesOf(schema).map((property) => [
    code(property.name),
    typeOf(property.schema),
    property.isAlwaysPresent ? 'always' : '',
    escaped(property.description),
  ]);
  return rows.length === 0 ? typeOf(schema) : table(['property', 'type', 'present', ''], rows);
}

const contentText = (content: readonly Content[]): string =>
  content.map(({ type, schema }) => `${code(type)} ${typeOf(schema)}`.trim()).join(', ');

function operationParts(operation: Operation): string[] {
  const { method, path, summary, description, parameters, body, answers, problems, example } = operation;
  const named = parameters.map(({ name, where, schema, isRequired, description: what }) => [
    code(name),
    where,
    typeOf(schema),
    isRequired ? 'required' : '',
    escaped(what),
  ]);
  return [
    `### ${method} ${path}`,
    `${escaped(summary)}.`,
    ...(description === '' ? [] : [description]),
    ...(example === undefined ? [] : [`\`\`\`sh\n${example}\n\`\`\``]),
    ...(named.length === 0 ? [] : [table(['parameter', 'in', 'type', '', ''], named)]),
    ...(body.length === 0 ? [] : [`Body: ${contentText(body)}.`]),
    table(
      ['status', '', 'content'],
      answers.map((answer) => [answer.status, escaped(answer.description), contentText(answer.content)]),
    ),
    ...(problems.length === 0 ? [] : [`Problems: ${problems.join(', ')}.`]),
  ];
}

export async function restPage(): Promise<string> {
  const opened = await document();
  const operations = operationsOf(opened);
  const sections = (opened.tags ?? []).flatMap(({ name, description = '' }) => [
    `## ${description}`,
    ...operations.filter(({ tags }) => tags.includes(name)).flatMap(operationParts),
  ]);
  const schemas = schemasOf(opened).flatMap(({ name, schema }) => [`### ${name}`, propertyTable(schema)]);
  return page(
    'REST routes',
    '[The REST service](../rest.md) explains them with examples. A running service has the OpenAPI document at `/openapi.json` and a reference at `/docs`. Problems are `application/problem+json` (RFC 9457): [Problem](#problem), [all texts](errors.md#responses-of-the-rest-service).',
    ...sections,
    '## Schemas',
    ...schemas,
  );
}
