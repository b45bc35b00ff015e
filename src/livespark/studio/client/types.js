/**
 * The words of the HTTP API, as types only; `livespark/protocol` on the Python side is the authority.
 *
 * @typedef {"queued" | "starting" | "running" | "pausing" | "paused" | "reloading" | "idle" | "held" | "stopping" | "lost"
 *   | "completed" | "failed" | "stopped" | "cancelled"} RunState
 * @typedef {{file: string, line: number, function: string, source?: string, locals?: Record<string, string>}} Frame
 * @typedef {{type: string, message: string, traceback?: string, frames?: Frame[]}} Failure
 * @typedef {{script?: string, module?: string, args?: string[]}} Entry
 *
 * @typedef {object} Run
 * @property {string} id
 * @property {string} name
 * @property {"dev" | "run"} mode
 * @property {RunState} state
 * @property {string} epoch
 * @property {number} created
 * @property {Entry} entry
 * @property {string} cwd
 * @property {string} python
 * @property {number} [first_seq]
 * @property {number} [last_seq]
 * @property {string} [reason]
 * @property {Failure | null} [error]
 * @property {number | null} [step]
 * @property {number | null} [started]
 * @property {number | null} [ended]
 * @property {number | null} [heard]
 * @property {number} [incarnation]
 * @property {number | null} [pid]
 * @property {string} [host]
 * @property {Record<string, unknown>} [config]
 * @property {number} [watchers]
 * @property {Origin | null} [origin]
 * @property {number} [retries]
 * @property {string} [best] The metric with the best values of which snapshots are kept, as in `max:accuracy`.
 *
 * @typedef {object} Origin Where a run's state comes from: a snapshot (null: the newest good one) of `run`.
 * @property {string} run
 * @property {number | null} [snapshot]
 * @property {"resume" | "fork" | "retry"} [relation]
 * @property {number | null} [step]
 * @property {string[]} [fresh] Keys of persisted values that are made anew.
 *
 * @typedef {"asked" | "every" | "best" | "stop" | "signal" | "end"} Cause
 *
 * @typedef {object} SnapshotInfo Sizes in bytes: `size` of all it holds, `written` of what was new.
 * @property {number} number
 * @property {number} time
 * @property {Cause} cause
 * @property {number | null} [step]
 * @property {string} [label]
 * @property {number} [size]
 * @property {number} [written]
 * @property {number} [stall] Seconds for which the training stood still.
 * @property {number} [seconds] Until it was durable.
 * @property {Record<string, MetricNumber>} [metrics]
 * @property {string} [message] What is odd about it.
 *
 * @typedef {{number: number, time: number, step?: number | null, size?: number}} InMemory
 *
 * @typedef {object} SnapshotDetail `arrays`: path, dtype, shape, bytes; `plain`: path, value; both by persisted value.
 * @property {SnapshotInfo} info
 * @property {Record<string, string>} types
 * @property {Record<string, [string, string, number[], number][]>} arrays
 * @property {Record<string, [string, any][]>} plain
 * @property {Record<string, any>} [exposed]
 * @property {Record<string, any>} [config]
 * @property {Record<string, string>} [code]
 * @property {Record<string, string>} [packages]
 * @property {string} [python]
 *
 * @typedef {object} ForkOptions
 * @property {number | null} [snapshot] null: the newest good one.
 * @property {Record<string, any>} [config] What differs.
 * @property {string} [name]
 * @property {"resume" | "fork"} [relation]
 * @property {string[]} [fresh]
 * @property {string} [key] Forking twice under one key is forking once.
 *
 * @typedef {object} Shape
 * @property {"float" | "int" | "bool" | "str" | "choice" | "list" | "dict" | "any"} type
 * @property {boolean} [nullable]
 * @property {number | null} [minimum]
 * @property {number | null} [maximum]
 * @property {number | null} [step]
 * @property {boolean} [log]
 * @property {boolean} [finite]
 * @property {any[]} [choices]
 * @property {Shape | null} [item]
 * @property {"auto" | "slider" | "field" | "switch" | "select" | "text" | "json"} [editor]
 *
 * @typedef {{shape: Shape, read_only?: string, doc?: string}} Field
 * @typedef {{name: string, shape: Shape, required?: boolean, default?: any, variadic?: "" | "args" | "kwargs"}} Parameter
 * @typedef {{parameters?: Parameter[], doc?: string, returns?: string, concurrent?: boolean, running?: boolean}} Callable
 * @typedef {{key: string, index: number, total?: number | null, rate?: number | null, since?: number, parent?: string}} Loop
 *
 * @typedef {object} LiveDoc
 * @property {number} version
 * @property {number | null} step
 * @property {Record<string, any>} values
 * @property {Record<string, Field>} fields
 * @property {Record<string, Callable>} functions
 * @property {Loop[]} loops
 * @property {InMemory[]} memory The snapshots in the worker's host memory, oldest first.
 * @property {number | null} steps_per_second
 *
 * @typedef {object} LiveDelta
 * @property {number} version
 * @property {boolean} [full]
 * @property {number | null} [step]
 * @property {Record<string, any>} [values]
 * @property {string[]} [dropped]
 * @property {Record<string, Field> | null} [fields]
 * @property {Record<string, Callable> | null} [functions]
 * @property {Loop[] | null} [loops]
 * @property {InMemory[] | null} [memory]
 * @property {number | null} [steps_per_second]
 *
 * @typedef {object} Reload The source on disk is taken; with `files`, these texts by path.
 * @property {"reload"} kind
 * @property {Record<string, string>} [files]
 * @property {boolean} [skip] The item that an exception interrupted is left out.
 * @property {string[]} [clear] Keys of persisted values to be made anew.
 *
 * @typedef {object} Rewind To `snapshot`, or the newest that is not beyond `step`, or the newest; then `values` are set.
 * @property {"rewind"} kind
 * @property {number | null} [snapshot]
 * @property {number | null} [step]
 * @property {Record<string, any>} [values]
 * @property {boolean} [skip] The items from there to here are left out.
 *
 * @typedef {{kind: "pause"} | {kind: "resume"} | Reload | {kind: "stop", cancel?: boolean}
 *   | {kind: "set", values: Record<string, any>} | {kind: "snapshot", label?: string} | Rewind
 *   | {kind: "call", function: string, args?: any[], kwargs?: Record<string, any>}} Command
 *
 * @typedef {object} Answer
 * @property {"applied" | "refused" | "failed" | "unknown"} outcome
 * @property {number | null} [step]
 * @property {any} [value]
 * @property {string} [message]
 * @property {Failure | null} [error]
 *
 * @typedef {object} CommandRecord
 * @property {string} id
 * @property {number} number
 * @property {Command} command
 * @property {string} actor
 * @property {number} created
 * @property {Answer | null} [answer]
 *
 * @typedef {number | string} MetricNumber
 * @typedef {{type: "metrics", steps: number[], times: number[], series: Record<string, MetricNumber[]>}} Metrics
 * @typedef {{type: "status", state: RunState, step?: number | null, reason?: string, error?: Failure | null}} Status
 * @typedef {{type: "thinned", rows: number, first_step: number, last_step: number}} Thinned
 * @typedef {{type: "commanded", id: string, number: number, actor: string, command: Command}} Commanded
 * @typedef {{type: "started", id: string, number: number}} Started
 * @typedef {{type: "answered", id: string, number: number, answer: Answer}} Answered
 * @typedef {{type: "notice", level: "info" | "warning" | "error", code: string, text: string}} Notice
 * @typedef {{type: "source", path: string, hash: string, step?: number | null}} Source
 *
 * @typedef {object} FileChange
 * @property {string} path
 * @property {string} [before] The hash of the text, as of `after`; empty where there is no such version.
 * @property {string} [after]
 * @property {string} [diff] A unified diff.
 *
 * @typedef {object} Reloaded New source, and what became of it.
 * @property {"reloaded"} type
 * @property {"applied" | "refused" | "undone"} outcome
 * @property {"soft" | "hard" | null} [kind]
 * @property {number | null} [step]
 * @property {number} [seconds]
 * @property {string[]} [changed] Names, such as "model.Net.forward".
 * @property {FileChange[]} [files]
 * @property {string} [message]
 * @property {Failure | null} [error]
 *
 * @typedef {{type: "snapshotted", snapshot: SnapshotInfo}} Snapshotted
 * @typedef {{type: "snapshot-failed", cause: Cause, message: string, step?: number | null, label?: string}} SnapshotFailed
 * @typedef {{type: "snapshots-removed", numbers: number[], actor?: string}} SnapshotsRemoved
 *
 * @typedef {object} Rewound State has gone back from `from_step` to `step`; metrics from here on are a new branch.
 * @property {"rewound"} type
 * @property {number} snapshot
 * @property {number | null} [step]
 * @property {number | null} [from_step]
 * @property {boolean} [in_memory]
 * @property {boolean} [in_place] The script has not run again, so loops and data went on.
 * @property {boolean} [automatic]
 * @property {string} [reason]
 * @property {Record<string, any>} [values] What was changed then.
 * @property {number} [seconds]
 * @property {string} [message]
 *
 * @typedef {{type: "resumed", origin: Origin, step?: number | null, notes?: string[]}} Resumed
 *
 * @typedef {object} Attempt The process has died and is started again; `left` more starts may follow.
 * @property {"attempt"} type
 * @property {number} incarnation
 * @property {number} left
 * @property {string} reason
 * @property {number} [delay] Seconds until the start.
 * @property {Failure | null} [error]
 * @property {number | null} [step] How far it had come.
 *
 * @typedef {Source | Reloaded | Status | Metrics | Thinned | Commanded | Started | Answered | Notice | Snapshotted
 *   | SnapshotFailed | SnapshotsRemoved | Rewound | Resumed | Attempt} RunEvent
 * @typedef {{seq: number, time: number, event: RunEvent}} Stored
 *
 * @typedef {object} CodeFile The version of a file that a run executes from event `seq` on.
 * @property {string} path
 * @property {string} hash
 * @property {number} seq
 * @property {number | null} [step]
 * @property {number} [size] In bytes.
 *
 * @typedef {{start: number, end: number, stream: "stdout" | "stderr", time: number, text?: string, base64?: string}} Output
 *
 * @typedef {{is: "event"} & Stored | {is: "live", live: LiveDelta} | {is: "output", output: Output}
 *   | {is: "gap", first: number, last: number} | {is: "reset", epoch: string, run: Run} | {is: "trouble", text: string}
 *   | {is: "end", run: Run}} StreamMessage
 */

export {};
