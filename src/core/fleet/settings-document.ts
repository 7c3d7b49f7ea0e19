/** `controller/settings.json`: settings that a person changed while the cluster runs. Its controller reads them at each tick. */
import * as z from 'zod';
import type { Store } from '../cloud/ports.ts';
import { findObject } from '../cloud/read-object.ts';
import { CLUSTER_SETTINGS_KEY } from '../job/keys.ts';
import { PreconditionFailedError } from '../runtime/errors.ts';
import { formatVersion, parseVersioned } from '../runtime/versioned.ts';
import type { ClusterValues } from '../settings/cluster-settings.ts';

export const clusterSettings = z.object({
  v: formatVersion,
  changedAtMs: z.number(),
  values: z.record(z.string(), z.unknown()),
});

const parse = (text: string) => parseVersioned(clusterSettings, text, "document of the cluster's settings");

/** Undefined if no setting was ever changed. @throws {ImgclsError} if the document cannot be read. */
export async function findClusterSettings(
  output: Store,
): Promise<{ etag: string; values: ClusterValues } | undefined> {
  const found = await findObject(output, CLUSTER_SETTINGS_KEY, parse);
  return found && { etag: found.info.etag, values: found.value.values };
}

/**
 * Changes the document by compare-and-swap. Starts again if another person changed it meanwhile.
 * @param change gets the values of the newest version.
 * @returns the values afterwards.
 */
export async function changeClusterSettings(
  output: Store,
  nowMs: number,
  change: (values: ClusterValues) => ClusterValues,
): Promise<ClusterValues> {
  for (;;) {
    const before = await findClusterSettings(output);
    const values = change(before?.values ?? {});
    try {
      await write(output, { v: 1, changedAtMs: nowMs, values }, before?.etag);
      return values;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError)) throw error;
    }
  }
}

/** Replaces the document, whatever it has. */
export const clearClusterSettings = (output: Store, nowMs: number): Promise<unknown> =>
  output.put(CLUSTER_SETTINGS_KEY, encode({ v: 1, changedAtMs: nowMs, values: {} }));

const write = (output: Store, document: z.infer<typeof clusterSettings>, etag: string | undefined) =>
  output.put(CLUSTER_SETTINGS_KEY, encode(document), { only: etag === undefined ? 'absent' : { etag } });

const encode = (document: z.infer<typeof clusterSettings>): Uint8Array =>
  Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
