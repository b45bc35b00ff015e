/** A followed run as signals: what the stream brings is gathered and shown ten times a second. */

import { batch, computed, signal } from "../../vendor/preact.js";
import { Board } from "../charts/board.js";
import { Metrics } from "../charts/metrics.js";
import { CodeView } from "../code/view.js";
import { Comparison } from "../family/comparison.js";
import { Family } from "../family/family.js";
import { LogBuffer } from "../panels/log-buffer.js";
import { findStart } from "../panels/log-start.js";
import { newsOf } from "../snapshots/news.js";
import { Shelf } from "../snapshots/shelf.js";
import { SnapshotView } from "../snapshots/view.js";
import { HAS_WORKER } from "../words.js";
import { Record } from "./record.js";
import { Throttle } from "./throttle.js";
import { Values } from "./values.js";

const INTERVAL = 100;
const LOG_TAIL = 1024 ** 2;
const HIDDEN_PATIENCE = 60_000;
/** @type {import("../../client/types.js").InMemory[]} */
const NOTHING = [];

export class RunModel {
  info = signal(null);
  connection = signal({ phase: "connecting" });
  /** What keeps the server from committing what the run reports. */
  trouble = signal("");
  step = signal(null);
  rate = signal(null);
  loops = signal([]);
  /** The snapshots in the worker's host memory. */
  memory = signal([]);
  fields = signal({});
  functions = signal({});
  metricNames = signal([]);
  metricTick = signal(0);
  recordTick = signal(0);
  logTick = signal(0);
  /** The newest reload; null where there was none; undefined while the record is being read. */
  lastReload = signal(undefined);
  /** Events on saved state that somebody should see. */
  shelfNews = signal([]);
  /** Which of the panels below is shown. */
  tab = signal("log");
  /** While the record is being read: how far. */
  loading = signal("");

  values = new Values();
  metrics = new Metrics();
  record = new Record();
  log = new LogBuffer();
  shelf = new Shelf();
  snapshots = new SnapshotView();
  code = new CodeView();
  marks = computed(() => (void this.recordTick.value, [...this.shelf.marks(), ...this.record.marks()]));
  state = computed(() => this.info.value?.state ?? null);
  /** The steps that the charts show. @type {import("../../vendor/preact.js").Signal} */
  stepRange = computed(() => (void [this.metricTick.value, this.comparison.tick.value], this.board.range));

  #throttle = new Throttle(INTERVAL, (dirty) => this.#flush(dirty));
  #backlog = 0;
  #seq = 0;
  #away = 0;
  /** @type {Promise<void>} */
  #begun;

  /**
   * @param {import("../../client/index.js").Client} client
   * @param {string} id
   */
  constructor(client, id) {
    this.client = client;
    this.id = id;
    this.family = new Family(client, id);
    this.comparison = new Comparison(client);
    this.board = new Board(this, (found) => this.#showMarked(found));
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#begun = this.#start();
  }

  close() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#throttle.stop();
    this.comparison.close();
    this.family.close();
    this.run?.close();
  }

  /** An exposed value's node, as a signal. @param {string} path */
  node(path) {
    return this.values.node(path);
  }

  /** What a set has made of the values, ahead of the next sample. @param {Record<string, any>} values */
  learn(values) {
    Object.assign(this.run.live.values, values);
    this.#throttle.touch("live");
  }

  /** The first step of this run, and the one at which it stands. @returns {[number, number]} */
  get ownSteps() {
    const [first, last] = this.metrics.extent;
    return [first, this.step.value ?? last];
  }

  /** Asks the server for the list of snapshots: the record may no longer tell of the older ones. */
  async listSnapshots() {
    await this.#begun;
    this.shelf.take(await this.run.snapshots());
    this.#throttle.touch("record");
  }

  /** Opens what a mark on the charts stands for. @param {import("../charts/marks.js").Found} found */
  #showMarked({ reload, snapshot }) {
    if (reload !== null) this.showReload(reload);
    else if (snapshot !== null) this.showSnapshot(snapshot);
  }

  /** Opens a snapshot, below. @param {number} number */
  showSnapshot(number) {
    batch(() => {
      this.tab.value = "snapshots";
      this.snapshots.show(number);
    });
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
    void this.family.follow();
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
    this.shelf.clear();
    for (const part of ["live", "metrics", "record"]) this.#throttle.touch(part);
  }

  /** @param {import("../../client/types.js").Stored} stored */
  #happened(stored) {
    this.#seq = stored.seq;
    const { event } = stored;
    if (event.type === "metrics") this.metrics.append(event);
    else {
      this.record.add(stored);
      this.#branch(this.shelf.add(stored, this.metrics.newest));
    }
    this.#throttle.touch(event.type === "metrics" ? "metrics" : "record");
  }

  /** @param {number | null} step Where a new branch begins; null: nowhere. */
  #branch(step) {
    if (step === null) return;
    this.metrics.branch(step);
    this.#throttle.touch("metrics");
  }

  /** @param {Set<string>} dirty */
  #flush(dirty) {
    batch(() => {
      if (dirty.has("live")) this.#showLive();
      if (dirty.has("metrics")) this.#showMetrics();
      if (dirty.has("record")) this.recordTick.value += 1;
      if (dirty.has("log")) this.logTick.value += 1;
      this.loading.value = this.#progress();
      if (this.run.info && this.#seq >= this.#backlog) this.#showNews();
    });
  }

  #showNews() {
    this.lastReload.value = this.record.lastReload;
    const news = newsOf(this.shelf);
    const same =
      news.length === this.shelfNews.value.length && news.every((one, at) => one === this.shelfNews.value[at]);
    if (!same) this.shelfNews.value = news;
  }

  #showLive() {
    const { info, connection, live } = this.run;
    this.info.value = info;
    this.trouble.value = this.run.trouble;
    this.connection.value = connection;
    this.step.value = live.step ?? info?.step ?? null;
    this.rate.value = live.steps_per_second;
    this.loops.value = live.loops;
    this.memory.value = info && HAS_WORKER.has(info.state) ? live.memory : NOTHING;
    this.fields.value = live.fields;
    this.functions.value = live.functions;
    this.values.show(live.values);
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
    else {
      this.run?.connect();
      void this.family.follow();
    }
  };
}
