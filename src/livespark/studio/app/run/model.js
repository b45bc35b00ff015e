/** A followed run as signals: what the stream brings is gathered and shown ten times a second. */

import { tagOf } from "../../client/index.js";
import { batch, computed, signal } from "../../vendor/preact.js";
import { Board } from "../charts/board.js";
import { Metrics } from "../charts/metrics.js";
import { CodeView } from "../code/view.js";
import { LogBuffer } from "../panels/log-buffer.js";
import { findStart } from "../panels/log-start.js";
import { Record } from "./record.js";
import { Throttle } from "./throttle.js";

const INTERVAL = 100;
const LOG_TAIL = 1024 ** 2;
const HIDDEN_PATIENCE = 60_000;

export class RunModel {
  info = signal(null);
  connection = signal({ phase: "connecting" });
  /** What keeps the server from committing what the run reports. */
  trouble = signal("");
  step = signal(null);
  rate = signal(null);
  loops = signal([]);
  fields = signal({});
  functions = signal({});
  /** Paths and tags of all exposed values, in order. A new list only when the structure is new. */
  structure = signal([]);
  metricNames = signal([]);
  metricTick = signal(0);
  recordTick = signal(0);
  logTick = signal(0);
  /** The newest reload; null where there was none; undefined while the record is being read. */
  lastReload = signal(undefined);
  /** Which of the panels below is shown. */
  tab = signal("log");
  /** While the record is being read: how far. */
  loading = signal("");

  metrics = new Metrics();
  record = new Record();
  log = new LogBuffer();
  marks = computed(() => (void this.recordTick.value, this.record.marks()));
  board = new Board(this.metrics, this.metricTick, this.marks, (seq) => this.showReload(seq));
  code = new CodeView();
  state = computed(() => this.info.value?.state ?? null);

  #nodes = new Map();
  #throttle = new Throttle(INTERVAL, (dirty) => this.#flush(dirty));
  #backlog = 0;
  #seq = 0;
  #away = 0;

  /**
   * @param {import("../../client/index.js").Client} client
   * @param {string} id
   */
  constructor(client, id) {
    this.client = client;
    this.id = id;
    document.addEventListener("visibilitychange", this.#onVisibility);
    void this.#start();
  }

  close() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#throttle.stop();
    this.run?.close();
  }

  /** An exposed value's node, as a signal. @param {string} path */
  node(path) {
    if (!this.#nodes.has(path)) this.#nodes.set(path, signal(this.run?.live.values[path]));
    return this.#nodes.get(path);
  }

  /** What a set has made of the values, ahead of the next sample. @param {Record<string, any>} values */
  learn(values) {
    Object.assign(this.run.live.values, values);
    this.#throttle.touch("live");
  }

  /** Opens a reload's diff, below. @param {number} seq Its event's number. */
  showReload(seq) {
    batch(() => {
      this.tab.value = "code";
      this.code.show(seq);
    });
  }

  /** @param {import("../../client/types.js").Command} command */
  ask(command) {
    return this.run.ask(command);
  }

  /** Long logs are read from near their end. */
  async #start() {
    const reaches = async (/** @type {number} */ after) =>
      (await this.client.output(this.id, { after, limit: 1 })).outputs.length > 0;
    this.log.begin(await findStart(reaches, LOG_TAIL).catch(() => 0)); // whatever is wrong, the stream meets it, too
    this.run = this.client.use(this.id, { output: this.log.start, reconnect: { maximum: 4000 } });
    this.run.listen({
      change: () => this.#throttle.touch("live"),
      event: (stored) => this.#happened(stored),
      output: (output) => (this.log.append(output), this.#throttle.touch("log")),
      gap: (gap) => (this.record.gap(gap), this.#throttle.touch("record")),
      reset: () => this.#reset(),
    });
  }

  #reset() {
    this.metrics.clear();
    this.record.clear();
    for (const part of ["live", "metrics", "record"]) this.#throttle.touch(part);
  }

  /** @param {import("../../client/types.js").Stored} stored */
  #happened(stored) {
    this.#seq = stored.seq;
    const { event } = stored;
    if (event.type === "metrics") this.metrics.append(event);
    else this.record.add(stored);
    this.#throttle.touch(event.type === "metrics" ? "metrics" : "record");
  }

  /** @param {Set<string>} dirty */
  #flush(dirty) {
    batch(() => {
      if (dirty.has("live")) this.#showLive();
      if (dirty.has("metrics")) this.#showMetrics();
      if (dirty.has("record")) this.recordTick.value += 1;
      if (dirty.has("log")) this.logTick.value += 1;
      this.loading.value = this.#progress();
      if (this.run.info && this.#seq >= this.#backlog) this.lastReload.value = this.record.lastReload;
    });
  }

  #showLive() {
    const { info, connection, live } = this.run;
    this.info.value = info;
    this.trouble.value = this.run.trouble;
    this.connection.value = connection;
    this.step.value = live.step ?? info?.step ?? null;
    this.rate.value = live.steps_per_second;
    this.loops.value = live.loops;
    this.fields.value = live.fields;
    this.functions.value = live.functions;
    this.#showValues(live.values);
  }

  /** @param {Record<string, any>} values */
  #showValues(values) {
    const structure = Object.entries(values).map(([path, node]) => [path, tagOf(node)]);
    for (const [path, node] of this.#nodes) node.value = values[path];
    if (!sameStructure(structure, this.structure.value)) this.structure.value = structure;
  }

  #showMetrics() {
    const names = [...this.metrics.series.keys()];
    if (names.length !== this.metricNames.value.length) this.metricNames.value = names;
    this.metricTick.value += 1;
  }

  #progress() {
    this.#backlog ||= this.run.info?.last_seq ?? 0;
    if (this.#seq >= this.#backlog - 1) return "";
    return `reading the record: ${Math.floor((100 * this.#seq) / this.#backlog)} %`;
  }

  /** Hidden pages let go of their connection after a while: browsers allow only six. */
  #onVisibility = () => {
    clearTimeout(this.#away);
    if (document.hidden) this.#away = setTimeout(() => this.run?.suspend(), HIDDEN_PATIENCE);
    else this.run?.connect();
  };
}

/** @param {string[][]} one @param {string[][]} other */
function sameStructure(one, other) {
  return (
    one.length === other.length &&
    one.every(([path, tag], index) => path === other[index][0] && tag === other[index][1])
  );
}
