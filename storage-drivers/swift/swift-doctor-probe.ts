import { doctorKey } from '../../src/domain/keys.js';
import { ObjectEraser } from './object-eraser.js';
import { ObjectWriter, md5Of } from './object-writer.js';
import type { SloPart } from './slo.js';
import { SloStore } from './slo-store.js';
import { StreamedPuts } from './streamed-put.js';
import type { SwiftFacts } from './swift-doctor-facts.js';

/** Seconds after which Swift itself removes what a killed doctor left. */
const LIFE = 3600;

/** Objects of the doctor's own, under a name that nobody else has. */
export class Probe {
  private readonly unique: string;
  private readonly puts: StreamedPuts;
  private readonly written: string[] = [];

  private constructor(private readonly facts: SwiftFacts) {
    this.unique = facts.options.ids.unique();
    this.puts = new StreamedPuts(facts.client);
  }

  /** Whatever happens, what was written is removed. */
  static async use<T>(facts: SwiftFacts, work: (probe: Probe) => Promise<T>): Promise<T> {
    const probe = new Probe(facts);
    let result: T;
    try {
      result = await work(probe);
    } catch (error) {
      await probe.remove().catch(() => undefined); // the error at hand is the one to tell
      throw error;
    }
    await probe.remove();
    return result;
  }

  /** Answers what it is called in the container. */
  async put(name: string, bytes: Uint8Array): Promise<SloPart> {
    const object = this.nameOf(name);
    const writer = new ObjectWriter(this.facts.client, this.puts);
    await writer.put(object, bytes, { expiresAfter: LIFE });
    return { object, etag: md5Of(bytes), size: bytes.byteLength, isManifest: false };
  }

  async putLarge(name: string, parts: readonly SloPart[]): Promise<string> {
    const object = this.nameOf(name);
    await new SloStore(this.facts.client).put({ object, parts, replace: true });
    return object;
  }

  private nameOf(name: string): string {
    const object = this.facts.names.of(doctorKey(`${this.unique}/${name}`));
    this.written.push(object);
    return object;
  }

  private async remove(): Promise<void> {
    this.puts.close();
    const eraser = new ObjectEraser(this.facts.client);
    for (const object of this.written.toReversed()) await eraser.delete(object);
  }
}
