/** Writes the declarations of the library to dist/: those that its entry refers to, directly or not. */
import path from 'node:path';
import ts from 'typescript';

const ROOT = path.resolve(import.meta.dirname, '..');
const ENTRY = path.join(ROOT, 'src', 'index.ts');

function library(): ts.Program {
  const file = path.join(ROOT, 'tsconfig.build.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(file, ts.sys.readFile).config,
    ts.sys,
    ROOT,
  );
  const host = ts.createCompilerHost(options);
  // Comments are written as they are.
  host.jsDocParsingMode = ts.JSDocParsingMode.ParseNone;
  return ts.createProgram([ENTRY], options, host);
}

/** The declarations of a module, written. */
function emit(program: ts.Program, module: string): string {
  let text = '';
  program.emit(program.getSourceFile(module), (to, declarations) => {
    ts.sys.writeFile(to, declarations);
    text = declarations;
  });
  return text;
}

const program = library();
const written = new Set([ENTRY]);
for (const module of written)
  for (const { fileName } of ts.preProcessFile(emit(program, module)).importedFiles)
    if (fileName.startsWith('.')) written.add(path.resolve(path.dirname(module), fileName));
