/** ApiVersions: which versions of each API a broker takes. Asked first on every connection. */
import type { Message } from './message.ts';

export interface VersionRange {
  readonly minVersion: number;
  readonly maxVersion: number;
}

export interface ApiVersionsResponse {
  readonly errorCode: number;
  /** By API key. */
  readonly versions: ReadonlyMap<number, VersionRange>;
}

export const apiVersionsRequest: Message<ApiVersionsResponse> = {
  api: { key: 18, name: 'ApiVersions', minVersion: 2, maxVersion: 2, flexible: false },
  encode: () => undefined,
  decode: (reader) => ({
    errorCode: reader.int16(),
    versions: new Map(
      reader.array(() => [
        reader.int16(),
        { minVersion: reader.int16(), maxVersion: reader.int16() },
      ]),
    ),
  }),
};
