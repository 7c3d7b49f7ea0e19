/** The REST reference as a page: what the OpenAPI document says, without a script. */
import type { OpenAPIV3_1 } from 'openapi-types';
import { escapedHtml } from '../../core/text/html.ts';
import {
  type Content,
  type NamedSchema,
  type Operation,
  operationsOf,
  propertiesOf,
  schemasOf,
  typeText,
} from './operations.ts';

/** Texts of the document have code between backticks. */
const prose = (text: string): string => escapedHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
const code = (text: string): string => `<code>${escapedHtml(text)}</code>`;

/** The page has a base, so an address within it names its path. */
const address = (id: string): string => `docs#${id}`;
const anchorOf = (schema: string): string => `schema-${schema}`;
const link = (schema: string): string => `<a href="${address(anchorOf(schema))}">${escapedHtml(schema)}</a>`;
const typeOf = (schema: Content['schema']): string => typeText(schema, { code, link });

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const row = (cells: readonly string[]) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  const titles = head.map((title) => `<th scope="col">${title}</th>`).join('');
  return `<div class="wide" tabindex="0"><table><thead><tr>${titles}</tr></thead><tbody>${rows.map(row).join('')}</tbody></table></div>`;
}

const contentText = (content: readonly Content[]): string =>
  content.map(({ type, schema }) => `${code(type)} ${typeOf(schema)}`.trim()).join(', ');

const method = (name: string): string =>
  `<span class="method method-${name.toLowerCase()}">${escapedHtml(name)}</span>`;

function operationHtml(operation: Operation): string {
  const { id, path, summary, description, parameters, body, answers, problems, example } = operation;
  const parts = [
    `<h3>${prose(summary)}</h3>`,
    `<p class="route">${method(operation.method)} ${code(path)}</p>`,
    description === '' ? '' : `<p>${prose(description)}</p>`,
    example === undefined ? '' : `<pre><code>${escapedHtml(example)}</code></pre>`,
    table(
      ['Parameter', 'In', 'Type', 'Description'],
      parameters.map(({ name, where, schema, isRequired, description: what }) => [
        code(name),
        where,
        typeOf(schema),
        `${isRequired ? 'Required. ' : ''}${prose(what)}`,
      ]),
    ),
    body.length === 0 ? '' : `<p>Body: ${contentText(body)}</p>`,
    table(
      ['Status', 'Description', 'Content'],
      answers.map((answer) => [answer.status, prose(answer.description), contentText(answer.content)]),
    ),
    problems.length === 0
      ? ''
      : `<p class="small">Problems: ${problems.join(', ')} (${link('Problem')}, <code>application/problem+json</code>).</p>`,
  ];
  return `<section id="${escapedHtml(id)}">${parts.join('')}</section>`;
}

function schemaHtml({ name, schema }: NamedSchema): string {
  const rows = propertiesOf(schema).map((property) => [
    code(property.name),
    typeOf(property.schema),
    property.isAlwaysPresent ? 'always' : '',
    prose(property.description),
  ]);
  const content =
    rows.length > 0
      ? table(['Property', 'Type', 'Present', 'Description'], rows)
      : `<p>${typeOf(schema)}</p>`;
  return `<section id="${anchorOf(name)}"><h3>${escapedHtml(name)}</h3>${content}</section>`;
}

interface Group {
  title: string;
  operations: readonly Operation[];
}

function groupsOf(document: OpenAPIV3_1.Document): Group[] {
  const operations = operationsOf(document);
  return (document.tags ?? []).map(({ name, description = name }) => ({
    title: description,
    operations: operations.filter(({ tags }) => tags.includes(name)),
  }));
}

/** The list of operations, and their descriptions. @param service its address, for the examples. */
export function referenceHtml(document: OpenAPIV3_1.Document, service: string): string {
  const groups = groupsOf(document);
  const schemas = schemasOf(document);
  const entry = ({ id, summary }: Operation) => `<a href="${address(id)}">${prose(summary)}</a>`;
  const list = groups.map(
    ({ title, operations }) => `<p>${prose(title)}</p>${operations.map(entry).join('')}`,
  );
  const names = schemas.map(({ name }) => `<a href="${address(anchorOf(name))}">${escapedHtml(name)}</a>`);
  const needsToken = document.security !== undefined;
  const variables = `export IMGCLS=${service} JOB=01M8...${needsToken ? ' TOKEN=...' : ''}`;
  const intro = `<h1 id="content">REST reference</h1><p class="lead">For programs: <a href="openapi.json">openapi.json</a>. The examples are for a shell in which these are set:</p><pre><code>${escapedHtml(variables)}</code></pre>`;
  const described = groups.map(
    ({ title, operations }) =>
      `<h2 class="group">${prose(title)}</h2>${operations.map(operationHtml).join('')}`,
  );
  return `<nav class="operations" aria-label="Operations">${list.join('')}<p>Schemas</p>${names.join('')}</nav><main>${intro}${described.join('')}<h2 class="group">Schemas</h2>${schemas.map(schemaHtml).join('')}</main>`;
}
