// `imgcls model pull`: from the catalog, the Hugging Face Hub, or the cluster's output bucket.

import { modelTitle } from '../../core/model/model.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { FoundModel } from '../../model/hub/pull.ts';
import type { HubReference } from '../../model/hub/reference.ts';
import type { PulledModel } from '../../model/pull.ts';
import type { VariantSetting } from '../../model/variant.ts';
import { openStatusLine } from '../terminal/status-line.ts';
import type { ModelCommandDeps } from './model.ts';
import { howToUse } from './named-models.ts';

export interface PullFlags {
  variant?: VariantSetting;
  source?: string;
  /** Of a model of the Hugging Face Hub. */
  name?: string;
  acceptLicence?: boolean;
}

export async function pull(deps: ModelCommandDeps, name: string, flags: PullFlags): Promise<void> {
  const { variant = deps.settings.modelVariant, source } = flags;
  const [{ isInCatalog }, { isHubReference }] = await Promise.all([
    import('../../model/catalog.ts'),
    import('../../model/hub/reference.ts'),
  ]);
  const isOfHub = isHubReference(name);
  const isPushed = source === 'cluster' || (source === undefined && !isInCatalog(name));
  checkFlags(isOfHub, flags);
  try {
    const { manifest, dir, already } = isOfHub
      ? await pullOfHub(deps, name, { ...flags, variant })
      : isPushed
        ? await pullPushed(deps, name, variant)
        : await pullPinned(deps, name, { variant, source });
    const text = already ? 'is already installed' : 'installed';
    deps.out.write(`${modelTitle(manifest)} ${text} in ${dir}\n`);
    deps.err.write(howToUse(manifest.name));
  } catch (error) {
    if (!deps.interrupted.aborted) throw error;
    const { InterruptedError } = await import('../terminal/exit.ts');
    const again = isPushed && !isOfHub ? 'again' : 'again to resume the download';
    throw new InterruptedError(`Run the same command ${again}.`);
  }
}

function checkFlags(isOfHub: boolean, { source, name, acceptLicence }: PullFlags): void {
  const { flag, why } =
    isOfHub && source !== undefined
      ? { flag: '--source', why: 'not for models of the Hugging Face Hub; HF_ENDPOINT names a mirror' }
      : !isOfHub && (name !== undefined || acceptLicence === true)
        ? {
            flag: name === undefined ? '--accept-licence' : '--name',
            why: 'only for models of the Hugging Face Hub',
          }
        : {};
  if (flag !== undefined) throw new ImgclsError('usage', `${flag} is ${why}.`);
}

/** A model of the Hugging Face Hub. */
async function pullOfHub(
  { library, hub, clock, err, interrupted }: ModelCommandDeps,
  text: string,
  { name, variant, acceptLicence = false }: PullFlags & { variant: VariantSetting },
): Promise<PulledModel> {
  const [{ parseHubReference }, { pullFromHub }] = await Promise.all([
    import('../../model/hub/reference.ts'),
    import('../../model/hub/pull.ts'),
  ]);
  const reference = parseHubReference(text);
  const precision = reference.precision ?? (variant === 'auto' ? undefined : variant);
  const progress = await startProgress(text, err);
  try {
    return await pullFromHub(
      { ...reference, precision },
      {
        ...{ library, name, access: hub(), clock, random: Math.random, isAccepted: acceptLicence },
        onFound: (found) => err.write(foundText(reference, found)),
        onProgress: progress.show,
        signal: interrupted,
      },
    );
  } finally {
    progress.stop();
  }
}

function foundText({ repository, revision }: HubReference, found: FoundModel): string {
  const { commit, licence = 'none named', card, replaces } = found;
  const before = replaces === undefined || replaces === commit ? '' : `, was ${replaces.slice(0, 12)}`;
  return `${repository} ${revision} is commit ${commit.slice(0, 12)}${before}.\nLicence: ${licence}. Model card: ${card}\n`;
}

/** A model of the catalog. */
async function pullPinned(
  { library, settings, openStore, err, interrupted }: ModelCommandDeps,
  name: string,
  from: { variant: VariantSetting; source: string | undefined },
): Promise<PulledModel> {
  const { pullModel } = await import('../../model/pull.ts');
  const progress = await startProgress(name, err);
  try {
    return await pullModel(name, {
      library,
      ...from,
      mirror: settings.modelMirror,
      openStore,
      onProgress: progress.show,
      signal: interrupted,
    });
  } finally {
    progress.stop();
  }
}

/** A model that `imgcls model push` put into the cluster's output bucket. */
async function pullPushed(
  { library, openOutput, interrupted }: ModelCommandDeps,
  name: string,
  variant: VariantSetting,
): Promise<PulledModel> {
  const { ClusterModels, pullFromCluster } = await import('../../model/cluster-models.ts');
  const { store, close } = await openOutput();
  try {
    const models = new ClusterModels(store);
    return await pullFromCluster(name, { library, models, variant, signal: interrupted });
  } finally {
    await close();
  }
}

/** Shows one updating line on a terminal, and a line per 10 % elsewhere. */
async function startProgress(name: string, err: ModelCommandDeps['err']) {
  const text = (done: number, total: number) =>
    `${name}: ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
  const line = await openStatusLine(err, name);
  if (line !== undefined)
    return { show: (done: number, total: number) => line.show(text(done, total)), stop: line.retire };
  let tenths = 0;
  const show = (done: number, total: number) => {
    const reached = Math.floor((10 * done) / total);
    if (reached > tenths) err.write(`${text(done, total)}\n`);
    tenths = Math.max(tenths, reached);
  };
  return { show, stop: () => {} };
}
