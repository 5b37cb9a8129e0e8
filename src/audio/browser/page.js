// Plays what the terminal asks for and says how far it has come. Talks to nobody but the address it came from.
"use strict";
const secret = location.hash.slice(1);
const page = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
const headers = { "X-Emolab-Secret": secret };
const FADE = 0.005;
const element = (id) => document.getElementById(id);
const say = (text) => { element("say").textContent = text; };
const context = new AudioContext({ latencyHint: "interactive" });
const sounds = new Map(); // "number@speed" -> promise of an AudioBuffer
let now = null; // what plays: { order, source, gain, since }
let order = { serial: 0, take: 0, playing: false };
let trip = 0; // seconds there and back

function ask(path, options = {}) {
  return fetch(path, { cache: "no-store", headers, ...options });
}

async function report(state, at) {
  const sent = performance.now();
  const body = JSON.stringify({ page, take: order.take, state, at, trip });
  const answer = await ask("/report", { method: "POST", body }).catch(() => null);
  if (answer) trip = (performance.now() - sent) / 1000;
}

function sound(number, speed) {
  const key = `${number}@${speed}`;
  if (!sounds.has(key)) {
    const got = ask(`/sound?number=${number}&speed=${speed}`)
      .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(answer.status))))
      .then((bytes) => context.decodeAudioData(bytes));
    got.catch(() => sounds.delete(key));
    sounds.set(key, got);
    if (sounds.size > 16) sounds.delete(sounds.keys().next().value);
  }
  return sounds.get(key);
}

// Seconds into the sound of what is heard now.
function heard() {
  const { order, since } = now;
  const late = context.outputLatency || context.baseLatency || 0;
  const at = order.from + Math.max(0, context.currentTime - since - late) * order.speed;
  if (!order.loop || at < order.end) return Math.min(at, order.end);
  return order.start + (at - order.end) % (order.end - order.start);
}

function silence() {
  if (!now) return;
  const { source, gain } = now;
  source.onended = null;
  gain.gain.setTargetAtTime(0, context.currentTime, FADE / 3);
  source.stop(context.currentTime + 2 * FADE);
  now = null;
  element("bar").hidden = true;
}

async function play(next) {
  const buffer = await sound(next.sound, next.speed).catch(() => null);
  if (order.take !== next.take || !order.playing) return; // overtaken
  silence();
  if (!buffer) return report("failed", 0);
  const source = context.createBufferSource();
  const gain = context.createGain();
  source.buffer = buffer;
  source.loop = next.loop;
  source.loopStart = next.start / next.speed;
  source.loopEnd = next.end / next.speed;
  const since = context.currentTime + FADE;
  const volume = order.volume;
  gain.gain.setValueAtTime(next.from > 0 ? 0 : volume, since);
  gain.gain.linearRampToValueAtTime(volume, since + FADE);
  const length = (next.end - next.from) / next.speed;
  if (!next.loop && next.end < next.seconds && length > 2 * FADE) {
    gain.gain.setValueAtTime(volume, since + length - FADE);
    gain.gain.linearRampToValueAtTime(0, since + length);
  }
  source.connect(gain).connect(context.destination);
  source.start(since, next.from / next.speed, next.loop ? undefined : length);
  now = { order: next, source, gain, since };
  source.onended = () => {
    if (!now || now.source !== source) return;
    now = null;
    element("bar").hidden = true;
    report("finished", next.end);
  };
  element("bar").hidden = false;
  await report("started", next.from);
}

function obey(next) {
  const before = order;
  order = next;
  if (!next.playing) silence();
  else if (next.take !== before.take) play(next);
  else if (now) now.gain.gain.setTargetAtTime(next.volume, context.currentTime, FADE / 3);
  for (const number of next.ahead) sound(number, 1).catch(() => {});
}

async function follow() {
  for (;;) {
    try {
      const answer = await ask(`/next?page=${page}&after=${order.serial}`);
      if (answer.status === 409) { silence(); say("Another page plays now. Reload this one to hear here."); return; }
      if (answer.status === 403) { silence(); say("The address is of an earlier session. Take the new one from the terminal."); return; }
      if (answer.status === 200) { obey(await answer.json()); say("Plays what the terminal plays."); }
    } catch {
      silence();
      say("The terminal program has ended, or the tunnel is closed. This page tries again.");
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
}

setInterval(() => {
  if (!now) return;
  element("bar").value = order.end > 0 ? heard() / order.end : 0;
}, 100);
setInterval(() => { if (now && context.state === "running") report("position", heard()); }, 500);

async function begin() {
  await context.resume();
  element("hear").hidden = true;
  say("Plays what the terminal plays.");
  await report("ready", 0);
  follow();
}

if (!secret) say("The address is not complete: copy all of it from the terminal, with what comes after #.");
else if (context.state === "running") begin();
else {
  say("A browser may only play after a click.");
  element("hear").hidden = false;
  element("hear").onclick = begin;
  // Where the browser needs no click, it says so a moment later.
  context.resume().then(() => { if (!element("hear").hidden) begin(); });
}
