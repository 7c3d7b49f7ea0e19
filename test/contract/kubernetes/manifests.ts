import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

export const FOLDER = path.join(import.meta.dirname, '../../../deploy/kubernetes');

interface Container {
  name: string;
  image: string;
  args: string[];
  envFrom: { configMapRef: { name: string } }[];
  env: { name: string; value: string }[];
  resources: { requests: { cpu: string } };
  securityContext: Record<string, unknown>;
}

export interface PodSpec {
  serviceAccountName: string;
  terminationGracePeriodSeconds: number;
  securityContext: Record<string, unknown>;
  containers: [Container];
}

/** A document of any kind, with the fields that tests use. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  data?: Record<string, string>;
  spec?: {
    template?: { spec: PodSpec };
    podIdentity?: { provider: string };
    scaleTargetRef?: { name: string };
    minReplicaCount?: number;
    triggers?: { type: string; authenticationRef: { name: string }; metadata: Record<string, string> }[];
  };
}

/** As YAML 1.1, like kubectl. */
export const manifests: Manifest[] = ['worker', 'scaling', 'upkeep'].flatMap((name) =>
  parseAllDocuments(readFileSync(path.join(FOLDER, `${name}.yaml`), 'utf8'), { version: '1.1' }).map(
    (document) => document.toJS() as Manifest,
  ),
);

export function find(kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name);
  if (found === undefined) throw new Error(`No ${kind} ${name} found.`);
  return found;
}

export function podOf({ spec, metadata }: Manifest): PodSpec {
  if (spec?.template === undefined) throw new Error(`${metadata.name} has no pods.`);
  return spec.template.spec;
}
