import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';

const BINARY = { type: 'string', format: 'binary' } as const;
const IMAGE = { ...BINARY, minLength: 1 } as const;
const UPLOAD_FORM = {
  type: 'object',
  required: ['files'],
  additionalProperties: false,
  properties: {
    files: { type: 'array', items: BINARY, minItems: 1 },
    topK: { type: 'integer', minimum: 1, maximum: 100 },
    model: { type: 'string', minLength: 1, maxLength: 70 },
  },
} as const;

/** The default policy would upgrade requests to TLS, which the service does not have. */
const DOCS_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  // swagger-ui adds inline styles.
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data: blob:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'self'",
  'frame-ancestors': "'none'",
};

/** Completes what the schemas lack: bodies that handlers read themselves, and responses without a body. */
function withBodies(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  for (const operation of Object.values(document.paths ?? {}).flatMap((each) => Object.values(each ?? {}))) {
    const { 204: empty } = (operation as OpenAPIV3_1.OperationObject).responses ?? {};
    if (empty !== undefined && 'content' in empty) delete empty.content;
  }
  const submit = document.paths?.['/v1/jobs']?.post?.requestBody as OpenAPIV3_1.RequestBodyObject | undefined;
  if (submit !== undefined) submit.content['multipart/form-data'] = { schema: { ...UPLOAD_FORM } } as never;
  const classify = document.paths?.['/v1/classify']?.post;
  if (classify !== undefined) {
    const content = { 'application/octet-stream': { schema: IMAGE }, 'image/*': { schema: IMAGE } };
    classify.requestBody = { required: true, content };
  }
  return document;
}

/** `/openapi.json`, generated from the schemas of the routes, and a reference at `/docs`. Call it before the routes. */
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
          'Labels images with a pretrained model, on one machine or on a fleet that scales with the backlog.',
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
    transformObject: (document) => withBodies(jsonSchemaTransformObject(document) as OpenAPIV3_1.Document),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_POLICY,
    logLevel: 'silent',
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
