"""Runs the commands in a document's `console` blocks and puts what they print below them.

    python docs/examples.py docs/evaluation.md target/release/emolab ~/corpora

A block starts with a line `$ command`; the rest of it is replaced by the command's stdout and stderr. In commands, `emolab` is the
second argument and `~/corpora` the third; runs and features are kept in a place of their own, which is thrown away.
"""
import os
import re
import subprocess
import sys
import tempfile

document, program, corpora = sys.argv[1:]
program = os.path.abspath(program)


def run(command, home):
    command = command.replace("~/corpora", corpora)
    env = {**os.environ, "PATH": os.path.dirname(program) + os.pathsep + os.environ["PATH"], "XDG_DATA_HOME": home, "XDG_CACHE_HOME": home,
           "COLUMNS": "120"}
    print("$", command, file=sys.stderr, flush=True)
    done = subprocess.run(["bash", "-c", command], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.replace(corpora, "~/corpora")


with open(document, encoding="utf-8") as file:
    text = file.read()
with tempfile.TemporaryDirectory() as home:
    block = re.compile(r"```console\n\$ (.*)\n(?:.*\n)*?```\n")
    text = block.sub(lambda found: f"```console\n$ {found[1]}\n{run(found[1], home)}```\n", text)
with open(document, "w", encoding="utf-8") as file:
    file.write(text)
