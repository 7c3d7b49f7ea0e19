/**
 * Environment variables of processes that decode images or load models. Those files come from strangers, so the processes
 * get no credentials, no token and no setting of imgcls: only what is listed here. Upper and lower case count as the same, as on
 * Windows.
 */
const ALLOWED = [
  // Programs, folders, language and time zone.
  /^(PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TMP|TEMP)$/,
  // Windows starts no program without them.
  /^(SYSTEMROOT|WINDIR|USERPROFILE)$/,
  // Where the system finds shared libraries, such as another memory allocator.
  /^(LD_LIBRARY_PATH|LD_PRELOAD|DYLD_\w+)$/,
  // Node.js by name: NODE_AUTH_TOKEN, for one, is a secret.
  /^(NODE_OPTIONS|NODE_COMPILE_CACHE|NODE_DISABLE_COMPILE_CACHE|NODE_V8_COVERAGE)$/,
  // ONNX Runtime, OpenMP, libvips and the memory allocator of glibc.
  /^(ORT|OMP|VIPS|MALLOC)_\w+$/,
  // Runners and hooks of this project's tests.
  /^IMGCLS_TEST_\w+$/,
];

/** The part of the environment that a process for images and models gets. */
export function modelEnvironment(env: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv {
  const isAllowed = (name: string) => ALLOWED.some((pattern) => pattern.test(name.toUpperCase()));
  return Object.fromEntries(Object.entries(env).filter(([name]) => isAllowed(name)));
}

/**
 * For `fork`: runs Node under a program, such as one that confines it.
 * @param under the program with its arguments; empty for none.
 */
export function nodeUnder(under: readonly string[], nodeOptions: readonly string[]) {
  const [execPath = process.execPath, ...before] = [...under, process.execPath];
  return { execPath, execArgv: [...before, ...nodeOptions] };
}
