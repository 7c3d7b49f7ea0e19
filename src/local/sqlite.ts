/** Loads node:sqlite without its notice. */

type Sqlite = typeof import('node:sqlite');

/**
 * Node 22 calls node:sqlite experimental on stderr, where our users would take it for a fault of ours. Loading is
 * synchronous, so for just that moment just that notice is held back; every other warning goes its way.
 */
function load(): Sqlite {
  const emit = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).includes('SQLite is an experimental feature')) emit.call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emit;
  }
}

export const { DatabaseSync } = load();
