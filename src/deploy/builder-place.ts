// Where a builder of machine images runs: it downloads from the registries of the system and of npm.

import { ImgclsError } from '../core/runtime/errors.ts';
import { findSubnets, type NetworkView, zonesOf } from './network.ts';

export interface BuilderPlace {
  vpc: string;
  subnet: string;
  /** Whether it needs a public address, which it has while it runs. */
  hasPublicAddress: boolean;
}

/**
 * The requested subnet, or one of the requested or the default VPC with a route to the internet.
 * @throws {ImgclsError} of kind `usage` when there is none.
 */
export async function builderPlace(
  network: NetworkView,
  { vpc: wanted, subnet, type }: { vpc?: string | undefined; subnet?: string | undefined; type: string },
): Promise<BuilderPlace> {
  const { vpc, subnets } = await findSubnets(network, { vpc: wanted, subnets: subnet });
  const zones = await zonesOf(network, [type]);
  const fitting = subnets.filter(({ zone }) => zones.has(zone));
  const found = fitting.find(({ routes }) => routes.isPublic) ?? fitting.find(({ routes }) => routes.hasNat);
  if (found !== undefined) return { vpc, subnet: found.id, hasPublicAddress: found.routes.isPublic };
  throw new ImgclsError(
    'usage',
    `No subnet for a builder: ${subnet ?? `no subnet of ${vpc}`} has a route to the internet and offers ${type}.`,
    { hint: 'Build the image elsewhere, with "imgcls ami build --subnet", then deploy.' },
  );
}
