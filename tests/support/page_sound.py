"""The sound of the page in a browser: what its microphone hears, and what reaches its loudspeaker."""

import asyncio
import base64
import time
from collections.abc import Callable

import numpy as np
from playwright.async_api import Page

PATIENCE_S = 30

FAKE_DEVICES = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
"""A microphone that is always there and always allowed."""

# Whatever the page sends to the loudspeaker is heard here too; nothing of the page knows of it.
_TAP = """
window.heard = { rate: 0, pieces: [] };
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
    const made = connect.call(this, target, ...rest);
    if (target instanceof AudioDestinationNode) {
        const ear = this.context.createMediaStreamDestination();
        connect.call(this, ear);
        const [track] = ear.stream.getAudioTracks();
        void keep(new MediaStreamTrackProcessor({ track, maxBufferSize: 1000 }).readable.getReader());
    }
    return made;
};
async function keep(reader) {
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const samples = new Float32Array(value.numberOfFrames);
        value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
        window.heard.rate = value.sampleRate;
        window.heard.pieces.push(samples);
        value.close();
    }
}
"""

_TAKE = """() => {
    const pieces = window.heard.pieces.splice(0);
    const samples = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) for (const sample of piece) samples[at++] = Math.round(sample * 32767);
    const bytes = new Uint8Array(samples.buffer);
    let text = "";
    for (let n = 0; n < bytes.length; n += 8192) text += String.fromCharCode(...bytes.subarray(n, n + 8192));
    return [window.heard.rate, btoa(text)];
}"""

# A microphone that says what the test tells it to, sample by sample: no device, no processing.
_MICROPHONE = """
navigator.mediaDevices.getUserMedia = async (wanted) => {
    window.wanted = wanted;
    const context = new AudioContext({ sampleRate: 48000 });
    await context.resume();
    const mouth = context.createMediaStreamDestination();
    window.say = async (text) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const said = new Int16Array(bytes.buffer);
        const buffer = context.createBuffer(1, said.length * 3, 48000);
        const samples = buffer.getChannelData(0);
        for (let n = 0; n < samples.length; n++) samples[n] = said[Math.floor(n / 3)] / 32767;
        const source = new AudioBufferSourceNode(context, { buffer });
        source.connect(mouth);
        source.start();
        await new Promise((ended) => { source.onended = ended; });
    };
    return mouth.stream;
};
"""


class Loudspeaker:
    """What the page plays."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._rate_hz = 0
        self._samples = np.zeros(0, np.int16)

    async def sound(self) -> tuple[np.ndarray, int]:
        """All samples so far, and their rate."""
        rate_hz, text = await self._page.evaluate(_TAKE)
        fresh = np.frombuffer(base64.b64decode(text), np.int16)
        self._samples = np.concatenate([self._samples, fresh])
        self._rate_hz = rate_hz or self._rate_hz
        return self._samples, self._rate_hz

    async def until(self, holds: Callable[[np.ndarray, int], bool]) -> None:
        """Waits until this is true of the sound so far."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            samples, rate_hz = await self.sound()
            if rate_hz and holds(samples, rate_hz):
                return
            assert time.monotonic() < deadline, f"not heard in {len(samples)} samples"
            await asyncio.sleep(0.05)  # real sound in another process gives no event


async def with_loudspeaker(page: Page) -> Loudspeaker:
    """Taps the page's sound; before the page is opened."""
    await page.add_init_script(_TAP)
    return Loudspeaker(page)


async def with_microphone(page: Page) -> Callable[[bytes], "asyncio.Future[None]"]:
    """Gives the page a microphone of the test's own; before the page is opened. Speaks PCM16 at 16 kHz."""
    await page.add_init_script(_MICROPHONE)

    def say(pcm: bytes) -> "asyncio.Future[None]":
        script = "(text) => window.say(text)"
        return asyncio.ensure_future(page.evaluate(script, base64.b64encode(pcm).decode()))

    return say
