#!/bin/sh
# Writes loudness.csv: integrated loudness (LUFS, of ffmpeg's ebur128 filter) and true peak (dBTP, of its loudnorm filter) of
# EmoDB clips.
# usage: loudness.sh FOLDER_OF_EMODB_WAV >loudness.csv
echo "clip,lufs,true_peak"
for clip in 03a01Fa 03a07La 08a07La 12a02Ac 13b01Ec 16b10Wb; do
  said() { ffmpeg -hide_banner -nostdin -i "$1/$clip.wav" -af "$2" -f null - 2>&1; }
  loud=$(said "$1" ebur128 | sed -n 's/^ *I: *\(.*\) LUFS/\1/p' | tail -1)
  peak=$(said "$1" loudnorm=print_format=json | sed -n 's/.*"input_tp" : "\(.*\)".*/\1/p')
  echo "$clip.wav,$loud,$peak"
done
