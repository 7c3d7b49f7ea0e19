/** Loads node:sqlite without its "experimental" warning. */
type Sqlite = typeof import('node:sqlite');

/**
 * Node 22 warns on stderr that node:sqlite is experimental, and users would take that for an error of imgcls. Loading is
 * synchronous, so suppress only this warning and only while it loads.
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
