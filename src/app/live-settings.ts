import type { Cloud } from '../core/cloud/ports.ts';
import type { ControllerReport } from '../core/fleet/fleet.ts';
import { findClusterSettings } from '../core/fleet/settings-document.ts';
import { ImgclsError, isTransient, messageAndHint, messageOf } from '../core/runtime/errors.ts';
import {
  CLUSTER_ORIGIN,
  CLUSTER_SETTINGS,
  type ClusterValues,
  checkClusterValues,
} from '../core/settings/cluster-settings.ts';
import type { SettingName } from '../core/settings/settings.ts';
import type { ClusterSettingsSource } from '../scaler/controller.ts';
import type { PolicySettings } from '../scaler/policy/policy.ts';
import type { AdjustableFleet } from './adjustable-fleet.ts';
import { policySettings } from './open-controller.ts';
import { loadSettings, type RunSettings } from './settings.ts';

type Flags = Partial<Record<SettingName, unknown>>;

export interface LiveSettingsParts {
  cloud: Pick<Cloud, 'kind' | 'output'>;
  /** Of the process. They apply before the settings of the cluster. */
  flags: Flags;
  settings: RunSettings;
  fleet: AdjustableFleet;
}

/**
 * The settings of a controller, with what "imgcls cluster set" changed. A change that cannot be read or cannot apply leaves the
 * settings as they are, and is a warning.
 */
export class LiveSettings implements ClusterSettingsSource {
  readonly #parts: LiveSettingsParts;
  /** One object, whose values change: all that hold it see the change. */
  readonly policy: PolicySettings;
  #settings: RunSettings;
  #inForce: ControllerReport['settings'];
  #problem: string | undefined;
  /** Of the version that was considered last: undefined if there is no document, null if it could not be read. */
  #etag: string | undefined | null = null;

  static async open(parts: LiveSettingsParts): Promise<LiveSettings> {
    const { cloud, settings, fleet } = parts;
    return new LiveSettings(parts, await policySettings(cloud, settings, fleet.driver));
  }

  private constructor(parts: LiveSettingsParts, policy: PolicySettings) {
    this.#parts = parts;
    this.policy = policy;
    this.#settings = parts.settings;
    this.#inForce = settingsInForce(loadSettings(parts.flags));
  }

  get settings(): RunSettings {
    return this.#settings;
  }

  get inForce(): ControllerReport['settings'] {
    return this.#inForce;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  async recall(last: ControllerReport['settings'] = {}): Promise<void> {
    if (this.#etag !== null) return;
    const ofCluster = Object.entries(last).filter(([, { from }]) => from === CLUSTER_ORIGIN);
    if (ofCluster.length === 0) return;
    await this.#attempt(() =>
      this.#apply(Object.fromEntries(ofCluster.map(([name, { value }]) => [name, value]))),
    );
  }

  async refresh(): Promise<void> {
    await this.#attempt(async () => {
      const before = this.#etag;
      this.#etag = null;
      const found = await findClusterSettings(this.#parts.cloud.output);
      this.#etag = found?.etag;
      if (this.#etag === before) return;
      await this.#apply(found?.values ?? {});
      this.#problem = undefined;
    });
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (isTransient(error)) this.#etag = null;
      this.#problem = `The settings of "imgcls cluster set" do not apply, and those before stay: ${reasonOf(error)}`;
    }
  }

  async #apply(values: ClusterValues): Promise<void> {
    const { cloud, flags, fleet } = this.#parts;
    checkClusterValues(values);
    const loaded = loadSettings(flags, values);
    const changed = CLUSTER_SETTINGS.map((name) => [name, loaded.settings[name]]);
    const next: RunSettings = { ...this.#settings, ...Object.fromEntries(changed) };
    await fleet.use(next);
    Object.assign(this.policy, await policySettings(cloud, next, fleet.driver));
    this.#settings = next;
    this.#inForce = settingsInForce(loaded);
  }
}

function settingsInForce({
  settings,
  origins,
}: ReturnType<typeof loadSettings>): ControllerReport['settings'] {
  const set = CLUSTER_SETTINGS.filter((name) => origins[name] !== 'default' && origins[name] !== 'unset');
  return Object.fromEntries(set.map((name) => [name, { value: settings[name], from: origins[name] }]));
}

const reasonOf = (error: unknown): string =>
  error instanceof ImgclsError ? messageAndHint(error) : messageOf(error);
