// The part of WebAssembly that is used here. TypeScript has its types only beside those of browsers.

/** A compiled program. Threads share it. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

interface WebAssembly {
  compile(code: Uint8Array): Promise<WasmModule>;
  Module: new (code: Uint8Array) => WasmModule;
  Instance: new (module: WasmModule, imports: object) => WasmInstance;
  RuntimeError: new () => Error;
  Memory: new (limits: { initial: number }) => WasmMemory;
}

export const { WebAssembly: webAssembly } = globalThis as unknown as { WebAssembly: WebAssembly };
