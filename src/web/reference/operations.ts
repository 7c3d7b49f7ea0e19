/** What a reference says of an OpenAPI document: its operations and schemas, in a flat form. Pure. */
import type { OpenAPIV3_1 } from 'openapi-types';

export type Schema = OpenAPIV3_1.SchemaObject | OpenAPIV3_1.ReferenceObject;
export interface Content {
  type: string;
  schema: Schema | undefined;
}

export interface Parameter {
  name: string;
  /** `path`, `query` or `header`. */
  where: string;
  schema: Schema | undefined;
  isRequired: boolean;
  description: string;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  tags: readonly string[];
  summary: string;
  description: string;
  parameters: readonly Parameter[];
  body: readonly Content[];
  answers: readonly { status: string; description: string; content: readonly Content[] }[];
  /** Statuses of problem documents. */
  problems: readonly string[];
  /** A command. */
  example: string | undefined;
}

/** Where the document has commands, as other programs that show it expect. */
export const SAMPLES_KEY = 'x-codeSamples';

/** Fastify describes a response that has no description with these words. */
const NO_DESCRIPTION = 'Default Response';
const PROBLEM = 'problem+json';

export const operationsOf = ({ paths = {} }: OpenAPIV3_1.Document): Operation[] =>
  Object.entries(paths).flatMap(([path, methods = {}]) =>
    Object.entries(methods).map(([method, given]) =>
      operationOf(method, path, given as OpenAPIV3_1.OperationObject),
    ),
  );

function operationOf(method: string, path: string, given: OpenAPIV3_1.OperationObject): Operation {
  const { operationId = '', tags = [], summary = '', description = '' } = given;
  const answers = Object.entries(given.responses ?? {}).map(([status, answer]) => ({
    status,
    description: 'description' in answer ? (answer.description ?? '').replace(NO_DESCRIPTION, '') : '',
    content: 'content' in answer ? contentOf(answer.content) : [],
  }));
  const isProblem = ({ content }: (typeof answers)[number]) =>
    content.some(({ type }) => type.includes(PROBLEM));
  const { requestBody } = given;
  const samples = (given as Record<string, unknown>)[SAMPLES_KEY] as { source: string }[] | undefined;
  return {
    id: operationId,
    method: method.toUpperCase(),
    path,
    tags,
    summary,
    description,
    parameters: (given.parameters ?? []).filter((each) => 'name' in each).map(parameterOf),
    body: requestBody !== undefined && 'content' in requestBody ? contentOf(requestBody.content) : [],
    answers: answers.filter((answer) => !isProblem(answer)),
    problems: answers.filter(isProblem).map(({ status }) => status),
    example: samples?.[0]?.source,
  };
}

const parameterOf = ({
  name,
  in: where,
  schema,
  required = false,
  description = '',
}: OpenAPIV3_1.ParameterObject): Parameter => ({
  name,
  where,
  schema: schema as Schema | undefined,
  isRequired: required,
  description,
});

const contentOf = (content: Readonly<Record<string, OpenAPIV3_1.MediaTypeObject>> = {}): Content[] =>
  Object.entries(content).map(([type, { schema }]) => ({ type, schema: schema as Schema | undefined }));

export interface NamedSchema {
  name: string;
  schema: OpenAPIV3_1.SchemaObject;
}

export const schemasOf = ({ components = {} }: OpenAPIV3_1.Document): NamedSchema[] =>
  Object.entries(components.schemas ?? {}).map(([name, schema]) => ({
    name,
    schema: schema as OpenAPIV3_1.SchemaObject,
  }));

/** The properties of an object; none for other types. */
export const propertiesOf = ({ properties = {}, required = [] }: OpenAPIV3_1.SchemaObject) =>
  Object.entries(properties).map(([name, schema]) => ({
    name,
    schema: schema as Schema,
    isAlwaysPresent: required.includes(name),
    description: ('description' in schema && schema.description) || '',
  }));

/** How a text of types is written. */
export interface Notation {
  code(text: string): string;
  /** To a schema of the document. */
  link(name: string): string;
}

/** `integer from 1 to 100`, `list of [Job](#job)`, `open or sealed`. */
export function typeText(schema: Schema | undefined, notation: Notation): string {
  if (schema === undefined) return '';
  if ('$ref' in schema) return notation.link(schema.$ref?.split('/').at(-1) ?? '');
  const { anyOf, enum: values, type, format, minimum, maximum } = schema;
  if (anyOf !== undefined)
    return [...new Set(anyOf.map((each) => typeText(each as Schema, notation)))].join(' or ');
  if (values !== undefined) return values.map((value) => notation.code(String(value))).join(' or ');
  if (type === 'array')
    return `list of ${typeText((schema as OpenAPIV3_1.ArraySchemaObject).items as Schema, notation)}`;
  const range = [
    isBounded(minimum) && minimum !== 0 ? `from ${minimum}` : '',
    isBounded(maximum) ? `to ${maximum}` : '',
  ];
  return [[type, format && `(${format})`].filter(Boolean).join(' '), ...range].filter(Boolean).join(' ');
}

/** Others are only the bounds of whole numbers. */
const isBounded = (value: number | undefined): boolean =>
  value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
