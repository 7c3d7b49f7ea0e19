/** What the library exports: signatures, options, errors and examples, as the compiler sees them. */
import path from 'node:path';
import ts from 'typescript';
import { code, page, table } from './markdown.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const ENTRY = path.join(ROOT, 'src/index.ts');

/** The library with the repository's compiler options. @param others files that are compiled with it. */
export function libraryProgram(others: readonly string[] = []): ts.Program {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  const typeRoots = [path.join(ROOT, 'node_modules/@types')];
  // Programs of others need not be as strict as this one.
  const own = { incremental: false, noUncheckedIndexedAccess: false, rewriteRelativeImportExtensions: false };
  return ts.createProgram([ENTRY, ...others], { ...options, typeRoots, ...own });
}

/** A type that a schema makes has no text of its own. */
const FLAGS =
  ts.NodeBuilderFlags.NoTruncation |
  ts.NodeBuilderFlags.InTypeAlias |
  ts.NodeBuilderFlags.MultilineObjectLiterals |
  ts.NodeBuilderFlags.UseSingleQuotesForStringLiteralType;

/** Types that another page describes. */
const ELSEWHERE: Readonly<Record<string, string>> = { Settings: '[All settings](settings.md).' };

class LibraryReader {
  readonly #checker: ts.TypeChecker;
  readonly #entry: ts.SourceFile;
  readonly #exported: ReadonlyMap<string, ts.Symbol>;

  constructor(program: ts.Program) {
    this.#checker = program.getTypeChecker();
    const entry = program.getSourceFile(ENTRY);
    const module = entry && this.#checker.getSymbolAtLocation(entry);
    if (entry === undefined || module === undefined) throw new Error(`${ENTRY} exports nothing.`);
    this.#entry = entry;
    this.#exported = new Map(
      this.#checker
        .getExportsOfModule(module)
        .map((symbol) => [
          symbol.name,
          symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol,
        ]),
    );
  }

  /** Functions and classes first: they are where a reader begins. */
  sections(): string[] {
    const order = ({ flags }: ts.Symbol) =>
      flags & ts.SymbolFlags.Function
        ? 0
        : flags & ts.SymbolFlags.Class
          ? 1
          : flags & ts.SymbolFlags.Interface
            ? 2
            : 3;
    const sorted = [...this.#exported].sort(
      ([a, one], [b, two]) => order(one) - order(two) || (a < b ? -1 : 1),
    );
    return sorted.flatMap(([name, symbol]) => this.#section(name, symbol));
  }

  #section(name: string, symbol: ts.Symbol): string[] {
    if (symbol.flags & ts.SymbolFlags.Function) return this.#callable(symbol, `## ${name}`);
    const type = this.#checker.getDeclaredTypeOfSymbol(symbol);
    const heading = [`## ${name}`, ...this.#words(symbol)];
    const elsewhere = ELSEWHERE[name];
    if (elsewhere !== undefined) return [...heading, elsewhere];
    if (symbol.flags & ts.SymbolFlags.TypeAlias) return [...heading, codeBlock(this.#expanded(name, type))];
    return [...heading, ...this.#members(name, type)];
  }

  /** Methods with an example or an error get a section each; everything else is a row. */
  #members(owner: string, type: ts.Type): string[] {
    const members = type.getProperties().filter(isDocumentedHere);
    const isExplained = (member: ts.Symbol) => member.getJsDocTags(this.#checker).length > 0;
    const rows = members
      .filter((member) => !isExplained(member))
      .map((member) => [nameOf(member), code(typeTextOf(member)), inCell(this.#text(member))]);
    return [
      ...(rows.length === 0 ? [] : [table(['member', 'type', ''], rows)]),
      ...members
        .filter(isExplained)
        .flatMap((member) => this.#callable(member, `### ${owner}.${member.name}`)),
    ];
  }

  #callable(symbol: ts.Symbol, heading: string): string[] {
    return [heading, codeBlock(signatureTextOf(symbol)), ...this.#words(symbol)];
  }

  /** The comment, then its parameters, result, errors and examples. */
  #words(symbol: ts.Symbol): string[] {
    const tags = symbol.getJsDocTags(this.#checker).map(({ name, text }) => {
      const words = linked(ts.displayPartsToString(text).trim());
      if (name === 'example')
        return /^```/.test(words) ? `Example:\n\n${words}` : words.replace(/\n```/, '\n\n```');
      if (name === 'param') return words.replace(/^(\w+)\s+/, '`$1`: ');
      if (name === 'returns') return `Returns ${words}`;
      return name === 'throws'
        ? words.replace(/^\{(\w+)\}/, (_, error: string) => `Throws ${anchor(error)}`)
        : '';
    });
    return [this.#text(symbol), ...tags].filter((text) => text !== '');
  }

  readonly #text = (symbol: ts.Symbol): string =>
    linked(ts.displayPartsToString(symbol.getDocumentationComment(this.#checker)));

  #expanded(name: string, type: ts.Type): string {
    const node = this.#checker.typeToTypeNode(type, this.#entry, FLAGS);
    if (node === undefined) throw new Error(`${name} cannot be written.`);
    const text = ts.createPrinter().printNode(ts.EmitHint.Unspecified, node, this.#entry);
    return `type ${name} = ${text.replaceAll('    ', '  ').replaceAll(/import\([^)]*\)\./g, '')}`;
  }
}

/** Settings that only the page of settings describes come from their table, and members of Error from the language. */
function isDocumentedHere(member: ts.Symbol): boolean {
  const [declaration] = member.declarations ?? [];
  if (declaration === undefined || ts.isPropertyAssignment(declaration)) return false;
  return !member.name.startsWith('__') && !declaration.getSourceFile().fileName.includes('/node_modules/');
}

const nameOf = ({ name, flags }: ts.Symbol): string =>
  code(`${name}${flags & ts.SymbolFlags.Optional ? '?' : ''}`);

/** As it is written. */
function typeTextOf({ declarations: [declaration] = [] }: ts.Symbol): string {
  if (declaration === undefined) return '';
  if (ts.isMethodSignature(declaration)) return signatureText(declaration, '');
  const { type } = declaration as ts.PropertySignature;
  return type?.getText().replaceAll(/\s+/g, ' ') ?? '';
}

function signatureTextOf({ name, declarations: [declaration] = [] }: ts.Symbol): string {
  const isCallable =
    declaration !== undefined && (ts.isMethodSignature(declaration) || ts.isFunctionDeclaration(declaration));
  return isCallable ? signatureText(declaration, name) : `${name}: ${declaration?.getText() ?? ''}`;
}

const signatureText = ({ parameters, type }: ts.SignatureDeclaration, name: string): string =>
  `${name}(${parameters.map((each) => each.getText()).join(', ')}): ${type?.getText() ?? 'void'}`;

const inCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');

const anchor = (name: string, member = ''): string =>
  `[${member === '' ? name : `${name}.${member}`}](#${`${name}${member}`.toLowerCase()})`;

const linked = (text: string): string =>
  text.replaceAll(/\{@link (\w+)(?:\.(\w+))?\s*\}/g, (_, name: string, member?: string) =>
    anchor(name, member),
  );

const codeBlock = (text: string): string => `\`\`\`ts\n${text}\n\`\`\``;

export const libraryPage = (program: ts.Program): string =>
  page(
    'Library',
    '[Use imgcls in a program](../library.md) explains it. A test compiles and runs each example.',
    ...new LibraryReader(program).sections(),
  );
