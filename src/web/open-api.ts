import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { exampleOf } from './reference/examples.ts';
import { SAMPLES_KEY } from './reference/operations.ts';

const BINARY = { type: 'string', format: 'binary' } as const;
const IMAGE = { ...BINARY, minLength: 1 } as const;
const UPLOAD_FORM = {
  type: 'object',
  required: ['files'],
  additionalProperties: false,
  properties: {
    files: { type: 'array', items: BINARY, minItems: 1 },
    topK: { type: 'integer', minimum: 1, maximum: 100 },
    fresh: { type: 'string', enum: ['true', 'false'] },
    labels: {
      type: 'string',
      maxLength: 4096,
      description:
        'To choose from, separated by commas, for a model without labels of its own (CLIP, SigLIP).',
    },
    by: { type: 'string', format: 'date-time' },
    maxCostUsd: { type: 'number', exclusiveMinimum: 0 },
    model: { type: 'string', minLength: 1, maxLength: 70 },
  },
} as const;

/**
 * Completes what the schemas lack: bodies that handlers read themselves, responses without a body, examples, and the server.
 * @param hasToken whether callers need the token.
 */
function completed(document: OpenAPIV3_1.Document, hasToken: boolean): OpenAPIV3_1.Document {
  for (const each of Object.values(document.paths ?? {}).flatMap((methods) => Object.values(methods ?? {}))) {
    const operation = each as OpenAPIV3_1.OperationObject;
    const { 204: empty } = operation.responses ?? {};
    if (empty !== undefined && 'content' in empty) delete empty.content;
    const source = exampleOf(operation.operationId ?? '', hasToken);
    if (source !== undefined)
      Object.assign(operation, { [SAMPLES_KEY]: [{ lang: 'Shell', label: 'curl', source }] });
  }
  const submit = document.paths?.['/v1/jobs']?.post?.requestBody as OpenAPIV3_1.RequestBodyObject | undefined;
  // Generated clients send one type of body per operation, so the JSON is in the operation that takes nothing else.
  if (submit !== undefined)
    submit.content = { 'multipart/form-data': { schema: { ...UPLOAD_FORM } } } as never;
  const classify = document.paths?.['/v1/classify']?.post;
  if (classify !== undefined) {
    const content = { 'application/octet-stream': { schema: IMAGE }, 'image/*': { schema: IMAGE } };
    classify.requestBody = { required: true, content };
  }
  // Relative to the document, which a reverse proxy may have below a path.
  return { ...document, servers: [{ url: './' }] };
}

const REFERENCE = /"#\/components\/schemas\/(\w+)"/g;

/**
 * Each schema has two definitions: `Job` as it is sent, and `JobInput` as it is received. Removes those that no route
 * receives. One that is received and never sent gets the plain name.
 */
function withOneNameEach(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  const schemas: Record<string, unknown> = { ...document.components?.schemas };
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value ?? null).matchAll(REFERENCE)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(document.paths);
  const inputs = Object.keys(schemas).filter((name) => name.endsWith('Input'));
  const only = new Set(inputs.filter((name) => used.has(name) && !used.has(plainName(name))));
  for (const name of inputs) {
    if (only.has(name)) schemas[plainName(name)] = schemas[name];
    if (only.has(name) || !used.has(name)) delete schemas[name];
  }
  const whole = JSON.stringify({ ...document, components: { ...document.components, schemas } });
  return JSON.parse(
    whole.replace(REFERENCE, (reference, name) =>
      only.has(name) ? reference.replace(name, plainName(name)) : reference,
    ),
  );
}

const plainName = (name: string): string => name.replace(/Input$/, '');

/** `/openapi.json`, generated from the schemas of the routes. Call it before them. */
export async function openApi(
  app: FastifyInstance,
  { token, version }: { token: string | undefined; version: string },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'imgcls',
        version,
        description:
          'Labels images with a pretrained model (EfficientNet-Lite0, or the one that a job names), on one machine or on a fleet that scales with the backlog.',
      },
      tags: [
        { name: 'jobs', description: 'Many images, classified as a job' },
        { name: 'classify', description: 'One image, classified immediately' },
        { name: 'system', description: 'The service and its cluster' },
      ],
      ...(token !== undefined && {
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{ token: [] }],
      }),
    },
    transform: createJsonSchemaTransform({}),
    transformObject: (document) =>
      withOneNameEach(
        completed(jsonSchemaTransformObject(document) as OpenAPIV3_1.Document, token !== undefined),
      ),
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
