import { existsSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ulid } from 'ulid';
import { withWords } from '../../app/job-words.ts';
import { openLog } from '../../app/log.ts';
import { joinLocalController, openUploadUrls } from '../../app/open-cloud.ts';
import { packageFile } from '../../app/package-files.ts';
import { PictureProcesses, pictureEntry } from '../../app/picture-processes.ts';
import { runnersUnder } from '../../app/runners.ts';
import { openClusterModels, openModelLibrary, selectJobModel } from '../../app/select-job-model.ts';
import { readServiceToken } from '../../app/service-token.ts';
import type { RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { version } from '../../app/version.ts';
import { openWordsMaker } from '../../app/words-process.ts';
import type { ControllerSession } from '../../client/controller-session.ts';
import { modelTitle, refOf } from '../../core/model/model.ts';
import { ImgclsError, messageAndHint, messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { SettingName } from '../../core/settings/settings.ts';
import { parseModelTitle } from '../../model/select-model.ts';
import { createApp } from '../../web/app.ts';
import { OncePerMinute } from '../../web/once-per-minute.ts';
import { wantedLabels } from '../find/wanted-labels.ts';
import { type Run, withRun } from '../run.ts';
import { endOnUncaughtError } from '../terminal/last-resort.ts';
import { notice } from '../terminal/notice.ts';
import { createStatusSource } from './serve-status.ts';

const PAGE = packageFile('dist/page');

/** Flags of `imgcls serve` and `imgcls up`, and settings by their names. */
export interface ServeFlags extends Partial<Record<SettingName, unknown>> {
  insecure?: boolean;
  open?: boolean;
}

/** Runs `imgcls serve` until an interrupt. */
export function serve({ insecure, open, ...rest }: ServeFlags): Promise<void> {
  const { debug: _debug, ...flags } = rest as typeof rest & { debug?: boolean };
  return withRun(flags, async (run) => {
    const { cloud, settings } = run;
    const log = openLog(settings);
    const onProblem = logProblems(log);
    const controller =
      cloud.kind === 'local' ? joinLocalController(cloud, settings, { onProblem }) : undefined;
    await serveUntilInterrupted(run, { insecure, open, log, controller });
  });
}

export interface ServeOptions {
  insecure: boolean | undefined;
  open: boolean | undefined;
  log: Log;
  /** Keeps workers running on this machine; undefined on AWS, where the cluster has its own controller. */
  controller: ControllerSession | undefined;
}

/**
 * A service goes on when its controller meets what a retry will not fix, such as a full disk: jobs can be read and deleted,
 * and when a person has fixed the cause, the controller goes on as well. Each problem is logged once a minute.
 */
export function logProblems(log: Log): (error: unknown) => void {
  const logged = new OncePerMinute(systemClock);
  return (error) => {
    if (logged.isFirst(messageOf(error))) log.error({ error }, 'Controller error. The service goes on.');
  };
}

/** Serves the page and the REST API. The first interrupt lets requests finish. */
export async function serveUntilInterrupted(run: Run, options: ServeOptions): Promise<void> {
  const { settings, manager, interrupted } = run;
  const { controller, log } = options;
  try {
    checkExposure(settings, options.insecure === true);
    const model = await checkModel(run);
    endOnUncaughtError(log);
    const app = await openApp(run, log, await readServiceToken(settings), interrupted);
    try {
      const address = await listen(app, settings);
      notice(`Listening on ${address} (press Ctrl-C to stop)`);
      if (controller !== undefined)
        notice(`${pageAdvice()} Model: ${model}. Data folder: ${settings.dataDir}`);
      manager.ready(`Listening on ${address}`, () => (app.server.listening ? [] : ['web server']));
      if (options.open === true) await openBrowser(address);
      await new Promise((resolve) => interrupted.addEventListener('abort', resolve, { once: true }));
      manager.stopping('Stopping: waiting for open requests.');
      notice('Stopping: waiting for open requests.');
    } finally {
      await app.close();
    }
  } finally {
    await controller?.leave([]);
  }
}

/** A clone has the page only once it was built; the service needs none. */
const pageAdvice = (): string =>
  existsSync(path.join(PAGE, 'index.html'))
    ? 'Open that address in a browser.'
    : 'The page is not built: run "npm run build", then start this again.';

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** @throws {ImgclsError} of kind `usage` when the service would be open to the network without a token. */
function checkExposure({ host, token, tokenSecret }: RunSettings, isInsecure: boolean): void {
  const hasToken = token !== undefined || tokenSecret !== undefined;
  if (LOOPBACK.test(host) || hasToken || isInsecure) return;
  throw new ImgclsError(
    'usage',
    `Refusing to listen on ${host} without an access token: anyone on the network could upload, read and delete jobs.`,
    {
      hint: 'Set a token (IMGCLS_TOKEN, --token or --token-secret). Use --insecure only where something else restricts access.',
    },
  );
}

/**
 * Checks at the start that the default model is installed. On AWS the service starts without it, as a failed start would
 * have the instance replaced over and over by others that lack the model, too.
 * @returns its title.
 * @throws {ImgclsError} of kind `config` on one machine.
 */
async function checkModel({ cloud, settings }: Run): Promise<string | undefined> {
  try {
    return modelTitle((await selectJobModel(settings, openClusterModels(cloud))).ref);
  } catch (error) {
    if (cloud.kind === 'local' || !(error instanceof ImgclsError)) throw error;
    notice(`No default model: only jobs that name another model are accepted. ${messageAndHint(error)}`);
    return undefined;
  }
}

async function openApp(
  { client, cloud, settings }: Run,
  log: Log,
  token: string | undefined,
  signal: AbortSignal,
) {
  const status = createStatusSource({ cloud, clock: systemClock, signal });
  const clusterModels = openClusterModels(cloud);
  const defaultModel = async () => (await selectJobModel(settings, clusterModels)).ref;
  const chosenModel = async (title: string | undefined) => {
    if (title === undefined) return await selectJobModel(settings, clusterModels);
    const { name: model, variant: modelVariant = settings.modelVariant } = parseModelTitle(title);
    return await selectJobModel({ ...settings, model, modelVariant }, clusterModels);
  };
  const makeWords = openWordsMaker();
  return await createApp({
    client,
    cloud,
    uploadUrls: await openUploadUrls(settings),
    clock: systemClock,
    log,
    newId: ulid,
    version,
    limits: {
      imageBytes: settings.maxImageBytes,
      requestBytes: settings.maxRequestBytes,
      files: settings.maxFiles,
      classifyBytes: settings.maxClassifyBytes,
      classifyTimeoutMs: 1000 * settings.classifyTimeoutSeconds,
      streams: settings.maxStreams,
      requestsPerMinute: settings.requestsPerMinute,
    },
    token,
    allowHosts: settings.allowHosts ?? [],
    allowBuckets: settings.allowBuckets ?? [],
    allowUrls: settings.allowUrls ?? [],
    corsOrigins: settings.corsOrigins ?? [],
    proxies: settings.proxies,
    topK: settings.topK,
    selectModel: async (title, labels, inTurn) =>
      await withWords(await chosenModel(title), labels, settings, (model, given, template) =>
        makeWords(model, given, template, inTurn),
      ),
    modelTitle: async () => modelTitle(await defaultModel()),
    async readModels() {
      const { models } = await openModelLibrary(settings).list();
      const installed = models.map(({ manifest }) => manifest);
      const titles = new Set(installed.map(modelTitle));
      const others = ((await clusterModels?.list()) ?? []).filter((each) => !titles.has(modelTitle(each)));
      // Without a default model the list still shows the others.
      const byDefault = await defaultModel().catch(() => undefined);
      return {
        models: [...installed, ...others].map((manifest) => {
          const { bytes, licence, accuracy, zeroShot } = manifest;
          const ref = refOf(manifest);
          const top1 = accuracy?.top1;
          return {
            ...ref,
            title: modelTitle(ref),
            bytes,
            licence,
            ...(top1 !== undefined && { top1 }),
            isDefault: isDeepStrictEqual(ref, byDefault),
            zeroShot: zeroShot !== undefined,
          };
        }),
      };
    },
    readStatus: () => status.read(),
    wantedLabels,
    pictureMaker: new PictureProcesses({
      entry: pictureEntry(),
      under: runnersUnder(settings),
      maxPixels: settings.maxPixels,
      clock: systemClock,
    }),
    samplesDir: packageFile('samples'),
    pageDir: PAGE,
  });
}

async function listen(
  app: Awaited<ReturnType<typeof createApp>>,
  { host, port }: RunSettings,
): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw error;
    throw new ImgclsError('usage', `Cannot listen on ${host}:${port}: ${messageOf(error)}`, {
      hint: 'Choose another --port (0 picks a free one) or --host.',
      cause: error,
    });
  }
}

async function openBrowser(address: string): Promise<void> {
  try {
    const { default: open } = await import('open');
    await open(address);
  } catch (error) {
    notice(`Cannot open a browser: ${messageOf(error)}`);
  }
}
