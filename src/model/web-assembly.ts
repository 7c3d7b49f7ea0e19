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
  Instance: new (module: WasmModule, imports: object) => WasmInstance;
  Memory: new (limits: { initial: number }) => WasmMemory;
}

export const { WebAssembly: webAssembly } = globalThis as unknown as { WebAssembly: WebAssembly };
