import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Client } from '../client/client.ts';
import type { Cloud, UploadUrls } from '../core/cloud/ports.ts';
import type { PictureMaker } from '../core/model/picture.ts';
import type { Log } from '../core/runtime/log.ts';
import type { ModelList, ServerView, StatusBody } from './api.ts';
import { DirectUploads } from './direct-uploads.ts';
import { FetchingJobs } from './fetching-jobs.ts';
import { type GuardOptions, guard } from './guard.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import { JobHub } from './job-hub.ts';
import {
  CLASSIFY_AT_A_TIME,
  connectionTimeoutMs,
  limitsOf,
  MAX_BODY_BYTES,
  type ServiceLimits,
  spoolBytes,
} from './limits.ts';
import { answerBadAddress, answerMalformed } from './malformed-requests.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { createMetrics } from './metrics.ts';
import { createModelSelector, type SelectModel } from './model-selector.ts';
import { openApi } from './open-api.ts';
import { Pictures } from './pictures.ts';
import { createErrorHandler } from './problem.ts';
import { limitRequests } from './rate-limits.ts';
import { classifyRoutes } from './routes/classify.ts';
import { eventRoutes } from './routes/events.ts';
import { type FindRouteOptions, findRoutes } from './routes/find.ts';
import { imagePlaceRoutes } from './routes/image-place.ts';
import { imageRoutes } from './routes/images.ts';
import { jobRoutes } from './routes/jobs.ts';
import { pageRoutes } from './routes/page.ts';
import { pictureRoutes } from './routes/pictures.ts';
import { referenceRoutes } from './routes/reference.ts';
import { resultRoutes } from './routes/results.ts';
import { systemRoutes } from './routes/system.ts';
import { uploadRoutes } from './routes/uploads.ts';
import { Shares } from './shares.ts';
import { disconnectSlowBodies } from './slow-bodies.ts';
import { SubmittedImages } from './submitted-images.ts';
import { addTraceHeader, traceIdOf } from './trace.ts';

export interface AppOptions extends GuardOptions {
  client: Client;
  /** Retries transient errors for as long as a caller may wait. */
  cloud: Cloud;
  /** Undefined if all images are uploaded through the service. */
  uploadUrls: UploadUrls | undefined;
  log: Log;
  newId(): string;
  version: string;
  limits: ServiceLimits;
  /** Number of reverse proxies in front of the service. Each adds its peer's address to `X-Forwarded-For`. */
  proxies: number;
  allowBuckets: readonly string[];
  allowUrls: readonly string[];
  topK: number;
  selectModel: SelectModel;
  /** The default model, as `NAME/VARIANT`. */
  modelTitle(): Promise<string>;
  readModels(): Promise<ModelList>;
  readStatus(): Promise<StatusBody>;
  wantedLabels: FindRouteOptions['wantedLabels'];
  /** Closed with the app. */
  pictureMaker: PictureMaker;
  /** The folder of the sample photographs. */
  samplesDir: string;
  /** The folder of the built page. */
  pageDir: string;
}

const HEADERS_TIMEOUT_MS = 10_000;
/** Between two polls of an active job. On AWS a poll costs money. */
const POLL_INTERVAL_MS = { local: { min: 200, max: 1000 }, aws: { min: 1000, max: 5000 } };

/**
 * The page and the REST service. They keep no state of their own, so several instances can serve one cluster.
 * The result does not listen yet. Its `close` ends event streams and waits for active requests.
 */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { client, cloud, clock, log, limits } = options;
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: (_address, hop) => hop < options.proxies,
    connectionTimeout: connectionTimeoutMs(limits),
    // Uploads may take long. Bodies that are too slow are ended by disconnectSlowBodies.
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 100 },
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 2000, maxHeaderSize: 16_384 },
    return503OnClosing: true,
    genReqId: traceIdOf,
    frameworkErrors: answerBadAddress,
    clientErrorHandler: answerMalformed,
  });
  // Fastify would parse it for every route, and no route takes it.
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler({ log, clock }));
  addTraceHeader(app);

  await app.register(cookie);
  await limitRequests(app, limits);
  const token = guard(app, options);
  await registerSecurity(app, options);
  disconnectSlowBodies(app, { clock, log });

  const images = new SubmittedImages(cloud);
  const hub = new JobHub({
    cluster: cloud.cluster,
    output: cloud.output,
    images,
    clock,
    log,
    pollIntervalMs: POLL_INTERVAL_MS[cloud.kind],
  });
  const pictures = new Pictures(options.pictureMaker, clock);
  app.addHook('onClose', async () => {
    hub.close();
    options.pictureMaker.close();
  });
  const metrics = createMetrics(app, { readStatus: options.readStatus, hub });
  const selectModel = createModelSelector(options.selectModel, clock);
  const server = async (): Promise<ServerView> => ({
    version: options.version,
    cluster: cloud.cluster,
    cloud: cloud.kind,
    model: await options.modelTitle(),
    topK: options.topK,
    requiresToken: options.token !== undefined,
    directUploads: options.uploadUrls !== undefined,
    search: cloud.search !== undefined,
    allowBuckets: [...options.allowBuckets],
    allowUrls: [...options.allowUrls],
    limits: limitsOf(limits, cloud.kind),
  });

  await openApi(app, options);
  await app.register((api, _options, done) => {
    const otherMethods = methodNotAllowed(api);
    const keys = new IdempotencyKeys({ output: cloud.output, clock });
    const { allowBuckets, allowUrls, topK, newId } = options;
    const { output, input } = cloud;
    const { uploadUrls: urls } = options;
    const uploads = urls && new DirectUploads({ input, urls, clock, limits });
    if (uploads !== undefined) uploadRoutes(api, { uploads });
    const spooled = new Shares({
      total: spoolBytes(limits),
      what: 'bytes of uploads that are not stored yet',
      retryAfterSeconds: 5,
    });
    const nowMs = () => clock.nowMs();
    jobRoutes(api, {
      client,
      cloud,
      images,
      hub,
      keys,
      limits,
      spooled,
      allowBuckets,
      allowUrls,
      fetchingJobs: new FetchingJobs(),
      samplesDir: options.samplesDir,
      uploads,
      topK,
      selectModel,
      newId,
      nowMs,
    });
    resultRoutes(api, { cloud });
    findRoutes(api, { cloud, log, wantedLabels: options.wantedLabels });
    eventRoutes(api, { hub, maxStreams: limits.streams });
    imageRoutes(api, { cloud, images });
    imagePlaceRoutes(api, { images });
    pictureRoutes(api, { cloud, images, pictures, maxBytes: limits.imageBytes });
    const imagesAtATime = CLASSIFY_AT_A_TIME[cloud.kind];
    classifyRoutes(api, { client, limits, topK, selectModel, newId, imagesAtATime, clock });
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
  referenceRoutes(app, { folder: options.pageDir, hasSearch: cloud.search !== undefined });
  await pageRoutes(app, { folder: options.pageDir, samplesDir: options.samplesDir });
  return app;
}

async function registerSecurity(
  app: FastifyInstance,
  { corsOrigins, uploadUrls }: AppOptions,
): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'blob:', 'data:'],
        // A compromised page must not send data to other hosts.
        connectSrc: ["'self'", ...(uploadUrls ? [await uploadUrls.prefix()] : [])],
        fontSrc: ["'self'"],
        manifestSrc: ["'self'"],
        // The page's own, to its start page.
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    // TLS ends at the operator's proxy, which sets this header if it wants it.
    strictTransportSecurity: false,
  });
  if (corsOrigins.length > 0) await app.register(cors, { origin: [...corsOrigins], credentials: true });
}
