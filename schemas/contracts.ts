/**
 * The contracts: one `.avsc` for each public topic we write, by the topic's plain name (a suffix such
 * as `.shadow` names another topic with the same contract).
 */
import { readFileSync } from 'node:fs';
import type { AvroSchema } from './avro-codec.ts';

const contractFiles = {
  'inventory.events': './guard/inventory-event.avsc',
  'roll.events': './roll/roll-event.avsc',
} as const;

export type ContractName = keyof typeof contractFiles;

export const contractNames = Object.keys(contractFiles) as readonly ContractName[];

/** The contract's text, as it is registered. */
export function contractText(name: ContractName): string {
  return readFileSync(new URL(contractFiles[name], import.meta.url), 'utf8');
}

export function contractSchema(name: ContractName): AvroSchema {
  return JSON.parse(contractText(name)) as AvroSchema;
}

/** Confluent's TopicNameStrategy. */
export function valueSubject(topic: string): string {
  return `${topic}-value`;
}
