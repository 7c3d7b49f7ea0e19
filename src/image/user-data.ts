import { ImgclsError } from '../core/runtime/errors.ts';

/** Where the builder gets the package from: npm (`imgcls@0.1.0`), or a presigned URL. */
export type PackageSource = { spec: string } | { url: string };

export interface BuilderScript {
  /** The text of deploy/image/provision.sh. */
  provision: string;
  package: PackageSource;
  models: readonly string[];
  /** Whether to install the decoder of HEIC. */
  heic: boolean;
  /** The machine powers itself off after this time at the latest. */
  limitMinutes: number;
}

/** EC2's limit for user data. */
const MAX_BYTES = 16_384;
const END = 'END_OF_PROVISION';

/**
 * The script that the builder runs at its first boot: provision.sh with its output on the console, and in any case a
 * power-off, which stops the instance.
 */
export function builderUserData(builder: BuilderScript): string {
  const { provision, package: source, models, heic, limitMinutes } = builder;
  const flags = [...models.flatMap((model) => ['--model', model]), ...(heic ? ['--heic'] : [])];
  const [packageArgument, download] =
    'spec' in source ? [source.spec, []] : ['/root/imgcls.tgz', [downloadLine(source.url)]];
  const lines = [
    '#!/bin/bash',
    `shutdown --poweroff +${limitMinutes}`,
    'trap poweroff EXIT',
    'exec > >(tee /dev/console) 2>&1',
    `cat >/root/provision.sh <<'${END}'`,
    provision.trimEnd(),
    END,
    ...download,
    `bash /root/provision.sh ${['--package', packageArgument, ...flags].map(quote).join(' ')}`,
    'rm -f /root/provision.sh /root/imgcls.tgz',
    // Let the last line reach the console before the power-off.
    'sync; sleep 5',
  ];
  const text = `${lines.join('\n')}\n`;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BYTES)
    throw new ImgclsError('usage', `The builder's script has ${bytes} bytes; EC2 accepts ${MAX_BYTES}.`, {
      hint: 'Use fewer --model flags.',
    });
  return text;
}

const downloadLine = (url: string): string =>
  `curl --fail --silent --show-error --location --retry 5 --output /root/imgcls.tgz ${quote(url)} || { echo 'imgcls-provision: FAILED download'; exit 1; }`;

/** Quotes a text as one shell word. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
