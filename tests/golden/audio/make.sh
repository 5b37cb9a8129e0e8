#!/bin/sh
# Makes the tiny clips beside it: a quarter of a second of a 440 Hz sine (amplitude 0.5) at 16 kHz; the
# stereo ones an eighth of a second at 8 kHz with half the level on the right.
# Run once; the results are committed. Needs sox, flac and ffmpeg.
set -eu
cd "$(dirname "$0")"
sox -D -n -r 16000 -c 1 -b 16 /tmp/tone.wav synth 0.25 sine 440 gain -6.0206
sox -D -n -r 8000 -c 2 -b 16 /tmp/stereo.wav synth 0.125 sine 440 gain -6.0206 remix 1 1v0.5
ff() { ffmpeg -hide_banner -loglevel error -y -i "$@"; }
flac -s -f -b 256 --no-padding -o tone.flac /tmp/tone.wav
flac -s -f -b 256 --no-padding -o stereo.flac /tmp/stereo.wav
ff /tmp/tone.wav -c:a libmp3lame -b:a 32k -metadata title=tone tone.mp3
ff /tmp/tone.wav -c:a libvorbis -q:a 1 tone.ogg
ff /tmp/tone.wav -c:a aac -b:a 24k tone.m4a
ff /tmp/tone.wav -c:a alac tone_alac.m4a
sox -D /tmp/tone.wav -r 8000 -b 16 tone.aiff
sox -D /tmp/stereo.wav -b 24 stereo24.aiff
ff /tmp/stereo.wav -c:a adpcm_ms adpcm_ms.wav
ff /tmp/stereo.wav -c:a pcm_mulaw mulaw.wav
ff /tmp/tone.wav -c:a libopus -b:a 16k opus.ogg
rm /tmp/tone.wav /tmp/stereo.wav
# Long enough that a part lies beyond what a decoder must see before it: a rising tone in noise.
long="aevalsrc=0.3*sin(2*PI*(200*t+60*t*t))+0.05*(random(0)-0.5):s=8000:d=9"
ffmpeg -y -f lavfi -i "$long" -ac 1 -b:a 16k long.mp3
ffmpeg -y -f lavfi -i "$long" -ac 1 -q:a 0 long.ogg
ffmpeg -y -f lavfi -i "$long" -ac 2 -sample_fmt s16 long.flac
