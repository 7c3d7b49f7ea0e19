import { ulid } from 'ulid';
import { openLog } from '../../app/log.ts';
import { joinLocalController, openUploadUrls } from '../../app/open-cloud.ts';
import { packageFile } from '../../app/package-files.ts';
import { openModelLibrary, selectJobModel } from '../../app/select-job-model.ts';
import { readServiceToken } from '../../app/service-token.ts';
import type { RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { version } from '../../app/version.ts';
import type { ControllerSession } from '../../client/submission.ts';
import { modelTitle, refOf } from '../../core/model/model.ts';
import { ImgclsError, messageAndHint, messageOf } from '../../core/runtime/errors.ts';
import type { SettingName } from '../../core/settings/settings.ts';
import { parseModelTitle } from '../../model/select-model.ts';
import { createApp } from '../../web/app.ts';
import { type Run, withRun } from '../run.ts';
import { notice } from '../terminal/notice.ts';
import { createStatusSource } from './serve-status.ts';

/** Flags of `imgcls serve` and `imgcls up`: their own, and settings by their names. */
export interface ServeFlags extends Partial<Record<SettingName, unknown>> {
  insecure?: boolean;
  open?: boolean;
}

/** Runs `imgcls serve` until it is told to stop. */
export function serve({ insecure, open, ...given }: ServeFlags): Promise<void> {
  const { debug: _debug, ...flags } = given as typeof given & { debug?: boolean };
  return withRun(flags, async (run) => {
    const { cloud, settings } = run;
    const attendance = cloud.kind === 'local' ? joinLocalController(cloud, settings) : undefined;
    await serveUntilInterrupted(run, { insecure, open, attendance });
  });
}

export interface ServeOptions {
  insecure: boolean | undefined;
  open: boolean | undefined;
  /** What keeps workers running on this machine; on AWS the cluster's own controller does. */
  attendance: ControllerSession | undefined;
}

/** Serves the page and REST service. A first interrupt ends it cleanly. */
export async function serveUntilInterrupted(run: Run, options: ServeOptions): Promise<void> {
  const { settings, manager, interrupted } = run;
  const ended = AbortSignal.any([interrupted, ...(options.attendance ? [options.attendance.failed] : [])]);
  try {
    checkExposure(settings, options.insecure === true);
    await checkModel(run);
    const app = await openApp(run, await readServiceToken(settings), ended);
    try {
      const address = await listen(app, settings);
      notice(`listening on ${address}`);
      manager.ready(`listening on ${address}`, () => (app.server.listening ? [] : ['web server']));
      if (options.open === true) await openBrowser(address);
      await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }));
      manager.stopping('ending: requests under way are finished.');
      notice('ending: requests under way are finished.');
    } finally {
      await app.close();
    }
    if (!interrupted.aborted) throw options.attendance?.failed.reason;
  } finally {
    await options.attendance?.leave([]);
  }
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** @throws {ImgclsError} of kind `usage` when anybody in the network could use the service. */
function checkExposure({ host, token, tokenSecret }: RunSettings, isInsecure: boolean): void {
  const asks = token !== undefined || tokenSecret !== undefined;
  if (LOOPBACK.test(host) || asks || isInsecure) return;
  throw new ImgclsError('usage', `On ${host} anybody in the network could upload, read and delete jobs.`, {
    hint: 'Give a token (IMGCLS_TOKEN, --token or --token-secret), or say --insecure where something else keeps strangers out.',
  });
}

/**
 * Says before anybody calls that the usual model is not installed. On AWS the rest is served without it: a start that
 * fails there has the machine replaced, over and over, by others that lack it, too.
 * @throws {ImgclsError} of kind `config` on one machine.
 */
async function checkModel({ cloud, settings }: Run): Promise<void> {
  try {
    await selectJobModel(settings);
  } catch (error) {
    if (cloud.kind === 'local' || !(error instanceof ImgclsError)) throw error;
    notice(`only jobs that name another model can be taken. ${messageAndHint(error)}`);
  }
}

async function openApp({ client, cloud, settings }: Run, token: string | undefined, signal: AbortSignal) {
  const status = createStatusSource({ cloud, clock: systemClock, signal });
  const usualModel = async () => (await selectJobModel(settings)).ref;
  return await createApp({
    client,
    cloud,
    uploadUrls: await openUploadUrls(settings),
    clock: systemClock,
    log: openLog(settings),
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
    corsOrigins: settings.corsOrigins ?? [],
    proxies: settings.proxies,
    topK: settings.topK,
    async selectModel(title) {
      if (title === undefined) return await usualModel();
      const { name: model, variant: modelVariant = settings.modelVariant } = parseModelTitle(title);
      return (await selectJobModel({ ...settings, model, modelVariant })).ref;
    },
    modelTitle: async () => modelTitle(await usualModel()),
    async readModels() {
      const { models } = await openModelLibrary(settings).list();
      // Where the usual one is missing, a listing says what there is instead.
      const usual = await usualModel().catch(() => undefined);
      return {
        models: models.map(({ manifest }) => {
          const { bytes, licence, accuracy } = manifest;
          const ref = refOf(manifest);
          const top1 = accuracy?.top1;
          return {
            ...ref,
            title: modelTitle(ref),
            bytes,
            licence,
            ...(top1 !== undefined && { top1 }),
            isDefault: ref.sha256 === usual?.sha256,
          };
        }),
      };
    },
    readStatus: () => status.read(),
    pageDir: packageFile('dist/page'),
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
      hint: 'Give another --port (0 takes a free one) or --host.',
      cause: error,
    });
  }
}

async function openBrowser(address: string): Promise<void> {
  try {
    const { default: open } = await import('open');
    await open(address);
  } catch (error) {
    notice(`cannot open a browser: ${messageOf(error)}`);
  }
}
