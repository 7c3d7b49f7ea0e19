import { ImgclsError } from '../core/runtime/errors.ts';

/** Where the builder gets the package from: npm (`imgcls@0.1.0`), or an address that needs no permission. */
export type PackageSource = { spec: string } | { url: string };

export interface BuilderScript {
  /** The text of deploy/image/provision.sh. */
  provision: string;
  package: PackageSource;
  models: readonly string[];
  /** After so long the machine powers off by itself, should nobody do it. */
  limitMinutes: number;
}

/** EC2 takes no more. */
const MAX_BYTES = 16_384;
const END = 'END_OF_PROVISION';

/**
 * What the builder runs at its first boot: provision.sh, all of whose words go to the console, and whatever becomes of that, a
 * power-off, which stops the instance.
 */
export function builderUserData({ provision, package: source, models, limitMinutes }: BuilderScript): string {
  const modelFlags = models.flatMap((model) => ['--model', model]);
  const [given, download] =
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
    `bash /root/provision.sh ${['--package', given, ...modelFlags].map(quote).join(' ')}`,
    'rm -f /root/provision.sh /root/imgcls.tgz',
    // Its last line has to be on the console before the machine is off.
    'sync; sleep 5',
  ];
  const text = `${lines.join('\n')}\n`;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BYTES)
    throw new ImgclsError('usage', `The builder's script has ${bytes} bytes; EC2 takes ${MAX_BYTES}.`, {
      hint: 'Name fewer models.',
    });
  return text;
}

const downloadLine = (url: string): string =>
  `curl --fail --silent --show-error --location --retry 5 --output /root/imgcls.tgz ${quote(url)} || { echo 'imgcls-provision: FAILED download'; exit 1; }`;

/** One word of a shell, whatever is in it. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
