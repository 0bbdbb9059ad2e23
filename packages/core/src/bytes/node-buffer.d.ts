// The part of node:buffer that native.node.ts uses: core is type-checked without Node's types.

declare module "node:buffer" {
  export const Buffer: {
    byteLength(text: string): number;
    prototype: {
      indexOf(this: Uint8Array, byte: number, from: number): number;
      lastIndexOf(this: Uint8Array, byte: number, from: number): number;
      utf8Slice(this: Uint8Array, from: number, to: number): string;
      latin1Slice(this: Uint8Array, from: number, to: number): string;
      copy(this: Uint8Array, target: Uint8Array, at: number, from: number, to: number): number;
    };
  };
  export function isAscii(bytes: Uint8Array): boolean;
  export function isUtf8(bytes: Uint8Array): boolean;
}
