import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { cacheFolder, installOnce } from '../../installed.ts';
import { withGo } from '../go.ts';

/** The release of the definitions, and its checksum in Go's checksum database. */
const MODULE = 'github.com/kedacore/keda/v2';
const VERSION = 'v2.21.0';
const SUM = 'h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=';
const DEFINITIONS = ['scaledobjects', 'triggerauthentications'].map(
  (kind) => `config/crd/bases/keda.sh_${kind}.yaml`,
);
const SCALER = 'pkg/scalers/aws_sqs_queue_scaler.go';

interface Schema {
  [key: string]: unknown;
  properties?: Record<string, Schema>;
}

export interface Keda {
  /** By API version and kind. */
  schemas: Record<string, Schema>;
  /** The allowed metadata names of an `aws-sqs-queue` trigger. */
  sqsMetadata: string[];
}

/** KEDA's own definitions, from Go's module proxy. @throws without the proxy or a package index. */
export async function readKeda(): Promise<Keda> {
  const home = cacheFolder(`imgcls-keda-${VERSION}`);
  await installOnce(home, download);
  const text = (file: string) => readFile(path.join(home, path.basename(file)), 'utf8');
  const definitions = await Promise.all(DEFINITIONS.map(text));
  const scaler = await text(SCALER);
  return {
    schemas: Object.fromEntries(definitions.flatMap(schemasOf)),
    sqsMetadata: [...scaler.matchAll(/keda:"name=(\w+), order=triggerMetadata/g)].flatMap(
      ([, name]) => name ?? [],
    ),
  };
}

const download = (draft: string): Promise<void> =>
  withGo(draft, async (go) => {
    const { Dir, Sum } = JSON.parse(await go('mod', 'download', '-json', `${MODULE}@${VERSION}`));
    if (Sum !== SUM) throw new Error(`${MODULE} ${VERSION} has checksum ${Sum}; expected ${SUM}.`);
    for (const file of [...DEFINITIONS, SCALER])
      await copyFile(path.join(Dir, file), path.join(draft, path.basename(file)));
  });

function schemasOf(definition: string): [string, Schema][] {
  const { spec } = parse(definition) as {
    spec: {
      group: string;
      names: { kind: string };
      versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
    };
  };
  return spec.versions.map(({ name, schema }) => [
    `${spec.group}/${name} ${spec.names.kind}`,
    closed(schema.openAPIV3Schema),
  ]);
}

/** Kubernetes silently drops unknown fields. This makes them errors. */
function closed(schema: Schema): Schema {
  const entries = Object.entries(schema).map(([key, value]) => [
    key,
    typeof value === 'object' && value !== null && !Array.isArray(value) ? closed(value as Schema) : value,
  ]);
  const copy = Object.fromEntries(entries) as Schema;
  const isOpen = 'additionalProperties' in schema || 'x-kubernetes-preserve-unknown-fields' in schema;
  return isFieldList(schema) && !isOpen ? { ...copy, additionalProperties: false } : copy;
}

/** False for a field that happens to have the name "properties". */
const isFieldList = ({ type, properties }: Schema): boolean => type === 'object' && properties !== undefined;
