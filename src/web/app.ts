import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Client } from '../client/client.ts';
import type { Cloud, UploadUrls } from '../core/cloud/ports.ts';
import type { Clock } from '../core/runtime/clock.ts';
import type { Log } from '../core/runtime/log.ts';
import type { ModelList, ServerView, StatusBody } from './api.ts';
import { DirectUploads } from './direct-uploads.ts';
import { type GuardOptions, guard } from './guard.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import { JobHub } from './job-hub.ts';
import { watchMethods } from './method-not-allowed.ts';
import { createMetrics } from './metrics.ts';
import { createModelSelector, type ModelSelector } from './model-selector.ts';
import { openApi } from './open-api.ts';
import { answerErrors, HttpProblem } from './problem.ts';
import { classifyRoutes } from './routes/classify.ts';
import { eventRoutes } from './routes/events.ts';
import { imageRoutes } from './routes/images.ts';
import { jobRoutes } from './routes/jobs.ts';
import { pageRoutes } from './routes/page.ts';
import { resultRoutes } from './routes/results.ts';
import { systemRoutes } from './routes/system.ts';
import { uploadRoutes } from './routes/uploads.ts';
import { BODY_BYTES, type ServiceLimits } from './service-limits.ts';
import { cutSlowBodies } from './slow-bodies.ts';
import { answerTraces, requestTrace } from './trace.ts';

export interface AppOptions extends GuardOptions {
  client: Client;
  /** One that waits faults of the world out for as long as a caller may wait. */
  cloud: Cloud;
  /** Absent where all images come through the service. */
  uploadUrls: UploadUrls | undefined;
  clock: Clock;
  log: Log;
  newId(): string;
  version: string;
  limits: ServiceLimits;
  /** Reverse proxies that every request has passed, each of which adds to `X-Forwarded-For` whom it heard from. */
  proxies: number;
  allowBuckets: readonly string[];
  topK: number;
  selectModel: ModelSelector;
  /** The usual model, as `NAME/VARIANT`. */
  modelTitle(): Promise<string>;
  readModels(): Promise<ModelList>;
  readStatus(): Promise<StatusBody>;
  /** Where the built page is. */
  pageDir: string;
}

/** A connection that is silent for so long is closed; streams of events are never silent that long. */
const SILENT_MS = 60_000;
const HEADERS_MS = 10_000;
/** Between two looks at a job that goes on; on AWS a look costs money. */
const PACE = { local: { least: 200, most: 1000 }, aws: { least: 1000, most: 5000 } };

/**
 * The page and the REST service. It keeps nothing that another one beside it could not find in the cloud.
 * Not listening yet; `close` ends event streams and waits for requests under way.
 */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { client, cloud, clock, log, limits } = options;
  const app = Fastify({
    bodyLimit: BODY_BYTES,
    trustProxy: (_address, hop) => hop < options.proxies,
    connectionTimeout: SILENT_MS,
    // Uploads may take long; bodies that come too slowly are cut off by cutSlowBodies.
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 100 },
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: 2000, maxHeaderSize: 16_384 },
    return503OnClosing: true,
    genReqId: requestTrace,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerErrors(log));
  answerTraces(app);

  await app.register(cookie);
  const token = guard(app, options);
  await secure(app, options);
  cutSlowBodies(app, { clock, log });
  // A file that is too large is an outcome, and no end of the request.
  await app.register(multipart, { throwFileSizeLimit: false });

  const hub = new JobHub({
    cluster: cloud.cluster,
    output: cloud.output,
    clock,
    log,
    paceMs: PACE[cloud.kind],
  });
  app.addHook('onClose', async () => hub.close());
  const metrics = createMetrics(app, { readStatus: options.readStatus, hub });
  const selectModel = createModelSelector(options.selectModel, clock);
  const server = async (): Promise<ServerView> => ({
    version: options.version,
    cluster: cloud.cluster,
    cloud: cloud.kind,
    model: await options.modelTitle(),
    topK: options.topK,
    directUploads: options.uploadUrls !== undefined,
    limits: {
      imageBytes: limits.imageBytes,
      requestBytes: limits.requestBytes,
      files: limits.files,
      classifyBytes: limits.classifyBytes,
    },
  });

  await openApi(app, options);
  await app.register((api, _options, done) => {
    const otherMethods = watchMethods(api);
    const keys = new IdempotencyKeys({ output: cloud.output, clock });
    const { allowBuckets, topK, newId } = options;
    const { output, input } = cloud;
    const { uploadUrls: urls } = options;
    const uploads = urls && new DirectUploads({ input, urls, clock, limits });
    if (uploads !== undefined) uploadRoutes(api, { uploads });
    const nowMs = () => clock.nowMs();
    jobRoutes(api, {
      client,
      output,
      hub,
      keys,
      limits,
      allowBuckets,
      uploads,
      topK,
      selectModel,
      newId,
      nowMs,
    });
    resultRoutes(api, { cloud });
    eventRoutes(api, { hub, maxStreams: limits.streams });
    imageRoutes(api, { cloud });
    classifyRoutes(api, { client, limits, topK, selectModel });
    systemRoutes(api, {
      output,
      token,
      server,
      metrics,
      readStatus: options.readStatus,
      readModels: options.readModels,
    });
    api.register(otherMethods);
    done();
  });
  await pageRoutes(app, { folder: options.pageDir });
  app.setNotFoundHandler(async () => {
    throw new HttpProblem(404, 'There is nothing at this address.');
  });
  return app;
}

async function secure(app: FastifyInstance, { corsOrigins, limits, uploadUrls }: AppOptions): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'blob:', 'data:'],
        // A page that was taken over must not carry anything elsewhere.
        connectSrc: ["'self'", ...(uploadUrls ? [await uploadUrls.prefix()] : [])],
        fontSrc: ["'self'"],
        manifestSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    // It is for its operator's proxy to say, who knows whether there is TLS.
    strictTransportSecurity: false,
  });
  if (corsOrigins.length > 0) await app.register(cors, { origin: [...corsOrigins], credentials: true });
  await app.register(rateLimit, { max: limits.requestsPerMinute, timeWindow: 60_000 });
}
