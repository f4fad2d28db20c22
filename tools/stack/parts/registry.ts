/**
 * The Schema Registry: Apicurio with the Confluent API. Its database is a file, not memory: the ids in
 * stored records must mean the same schemas after a restart.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { checkHttp } from '../http-probe.ts';
import { javaEnvironment, type JavaPartContext, type Part } from './part.ts';

export const registryPart: Part<JavaPartContext> = {
  name: 'registry',
  ports: ({ identity }) => ({ http: identity.ports.registry }),
  prepare: (context) => {
    const folder = path.join(context.folders.data, 'registry');
    mkdirSync(folder, { recursive: true });
    const database = path.join(folder, 'registry');
    const args = [
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${context.identity.ports.registry}`,
      '-Dquarkus.log.level=WARN',
      '-jar',
      context.artifacts.registryJar,
    ];
    const env = {
      ...javaEnvironment(context),
      REGISTRY_DATASOURCE_URL: `jdbc:h2:file:${database};DB_CLOSE_ON_EXIT=FALSE`,
    };
    return Promise.resolve({ command: context.java, args, env, cwd: folder });
  },
  check: ({ url }) => checkHttp(`${url}/subjects`),
};
