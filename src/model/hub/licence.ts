// Which licences of a model card may be used without asking a person.

/**
 * Open licences, by their ids on the Hugging Face Hub. Any other one may forbid a use: most often commerce, sometimes some
 * purposes, or it is not known.
 */
const OPEN = new Set([
  ...[
    'apache-2.0',
    'mit',
    'bsd',
    'bsd-2-clause',
    'bsd-3-clause',
    'bsd-3-clause-clear',
    'isc',
    'zlib',
    'ncsa',
  ],
  ...['cc', 'cc0-1.0', 'cc-by-2.0', 'cc-by-2.5', 'cc-by-3.0', 'cc-by-4.0', 'cc-by-sa-3.0', 'cc-by-sa-4.0'],
  ...[
    'unlicense',
    'wtfpl',
    'pddl',
    'odbl',
    'odc-by',
    'cdla-permissive-1.0',
    'cdla-permissive-2.0',
    'cdla-sharing-1.0',
  ],
  ...[
    'gpl',
    'gpl-2.0',
    'gpl-3.0',
    'agpl-3.0',
    'lgpl',
    'lgpl-2.1',
    'lgpl-3.0',
    'mpl-2.0',
    'epl-1.0',
    'epl-2.0',
  ],
  ...[
    'artistic-2.0',
    'afl-3.0',
    'ecl-2.0',
    'bsl-1.0',
    'eupl-1.1',
    'eupl-1.2',
    'ms-pl',
    'osl-3.0',
    'postgresql',
  ],
]);

/** Why a person must accept the terms of a model; undefined if its licence is open. */
export function consentNeeded({
  licence,
  isGated,
}: {
  licence: string | undefined;
  isGated: boolean;
}): string | undefined {
  if (isGated) return 'its owner has set conditions of access';
  if (licence === undefined) return 'its card names no licence';
  return OPEN.has(licence.toLowerCase()) ? undefined : `its licence, ${licence}, may forbid your use`;
}
