// @ts-check
/** The microphone: asked for with echo and noise taken out, heard as frames of PCM16. */

export const RATE_HZ = /** @type {const} */ (16_000);
const FRAME_SAMPLES = RATE_HZ / 50;

/** @typedef {(pcm: Int16Array, level: number) => void} Heard */

/** @type {Record<string, import("./texts.js").TextKey>} */
const REASONS = {
  NotAllowedError: "mic.denied",
  SecurityError: "mic.denied",
  NotFoundError: "mic.none",
  OverconstrainedError: "mic.none",
  NotReadableError: "mic.busy",
  AbortError: "mic.busy",
};

/** There is no microphone for us; `key` is the sentence that says why. */
export class NoMicrophone extends Error {
  /** @param {import("./texts.js").TextKey} key */
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/**
 * Asks for a microphone.
 *
 * @param {string} deviceId Empty, or of one that is gone: the system's own.
 * @returns {Promise<MediaStream>}
 * @throws {NoMicrophone}
 */
export async function askForMicrophone(deviceId) {
  // Browsers give pages that came without TLS no microphone at all.
  if (!navigator.mediaDevices) throw new NoMicrophone("mic.insecure");
  const cleaned = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const audio = { ...cleaned, channelCount: 1, ...(deviceId && { deviceId: { ideal: deviceId } }) };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new NoMicrophone(REASONS[error instanceof Error ? error.name : ""] ?? "mic.failed");
  }
}

/**
 * Microphones or loudspeakers, with names once a microphone may be heard.
 *
 * @param {"audioinput" | "audiooutput"} wanted
 * @returns {Promise<MediaDeviceInfo[]>}
 */
export async function devicesOf(wanted) {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(({ kind, deviceId }) => kind === wanted && deviceId);
}

/** Gives a microphone back. @param {MediaStream | null} stream */
export function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/**
 * @typedef {object} Fate What the system does with a microphone that is open.
 * @property {(isMuted: boolean) => void} muted It hears nothing for a while, or hears again.
 * @property {() => void} ended It is gone for good.
 */

export class Microphone {
  #stream;
  #source;
  #node;
  #closing = new AbortController();

  /**
   * @param {AudioContext} context That has the worklet.
   * @param {MediaStream} stream
   * @param {Heard} heard Gets each frame; it is taken back when this returns.
   * @param {Fate} fate Is told what becomes of it, until it is closed.
   */
  constructor(context, stream, heard, fate) {
    this.#stream = stream;
    this.#source = context.createMediaStreamSource(stream);
    this.#node = new AudioWorkletNode(context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rateHz: RATE_HZ, frameSamples: FRAME_SAMPLES },
    });
    const { port } = this.#node;
    port.onmessage = ({ data: { pcm, level } }) => {
      heard(pcm, level);
      port.postMessage(pcm, [pcm.buffer]);
    };
    this.#source.connect(this.#node);
    const { signal } = this.#closing;
    for (const track of stream.getTracks()) {
      track.addEventListener("mute", () => fate.muted(true), { signal });
      track.addEventListener("unmute", () => fate.muted(false), { signal });
      track.addEventListener("ended", fate.ended, { signal });
    }
  }

  /** Which one it is. */
  get deviceId() {
    return this.#stream.getTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** Hears silence, for as long as the user wants it so. @param {boolean} isMuted */
  mute(isMuted) {
    for (const track of this.#stream.getTracks()) track.enabled = !isMuted;
  }

  close() {
    this.#node.port.onmessage = null;
    this.#node.port.postMessage("close");
    this.#source.disconnect();
    this.#closing.abort();
    stop(this.#stream);
  }
}
