import { ImgclsError } from '../core/runtime/errors.ts';

/** Where the builder gets the package from. */
export interface PackageSource {
  /**
   * Presigned: anyone who reads the user data can use it for an hour, to read the package, which has no secret. What the builder
   * installs is decided by the digest.
   */
  url: string;
  sha256: string;
}

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
const FILE = '/root/imgcls.tgz';

/**
 * The script that the builder runs at its first boot: provision.sh with its output on the console, and in any case a
 * power-off, which stops the instance.
 */
export function builderUserData(builder: BuilderScript): string {
  const { provision, package: source, models, heic, limitMinutes } = builder;
  const flags = [...models.flatMap((model) => ['--model', model]), ...(heic ? ['--heic'] : [])];
  const lines = [
    '#!/bin/bash',
    `shutdown --poweroff +${limitMinutes}`,
    'trap poweroff EXIT',
    'exec > >(tee /dev/console) 2>&1',
    `cat >/root/provision.sh <<'${END}'`,
    provision.trimEnd(),
    END,
    step(
      'download',
      `curl --fail --silent --show-error --location --retry 5 --output ${FILE} ${quote(source.url)}`,
    ),
    step('checksum', `echo ${quote(`${source.sha256}  ${FILE}`)} | sha256sum --check`),
    `bash /root/provision.sh ${['--package', FILE, ...flags].map(quote).join(' ')}`,
    `rm -f /root/provision.sh ${FILE}`,
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

/** A command whose failure ends the build, under the name of its step. */
const step = (name: string, command: string): string =>
  `${command} || { echo 'imgcls-provision: FAILED ${name}'; exit 1; }`;

/** Quotes a text as one shell word. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
