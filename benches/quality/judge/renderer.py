"""The release library as a child process: jobs go in, frames come out, both sides work at once."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import cv2

# Clips that may wait for the judge.
AHEAD = 6


class Renderer:
    def __init__(self, program, work):
        self.program, self.folder = program, Path(work) / "frames"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.child = subprocess.Popen(
            [str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=dict(os.environ, OMP_NUM_THREADS="1"),
        )
        self.number = 0
        self.seconds = []

    def clips(self, jobs):
        """Renders jobs (dicts as benches/quality/render.rs takes them, with anything under `key`).

        Gives (job, what the library said, frames as BGR); frames are None where it failed.
        """
        jobs, waiting = iter(jobs), []
        while True:
            while len(waiting) < AHEAD:
                job = next(jobs, None)
                if job is None:
                    break
                self.number += 1
                folder = self.folder / f"{self.number}"
                sent = {k: v for k, v in job.items() if k != "key" and v is not None}
                sent.update(id=self.number, photo=str(job["photo"]), frames=str(folder))
                self.child.stdin.write(json.dumps(sent) + "\n")
                self.child.stdin.flush()
                waiting.append((job, folder))
            if not waiting:
                return
            job, folder = waiting.pop(0)
            line = self.child.stdout.readline()
            if not line:
                raise SystemExit("the renderer ended: see what it says above")
            said = json.loads(line)
            frames = None
            if "error" not in said:
                frames = [cv2.imread(str(folder / f"frame_{i:04}.png")) for i in range(said["count"])]
                self.seconds.append(said["total_s"])
            shutil.rmtree(folder, ignore_errors=True)
            yield job, said, frames

    def close(self):
        self.child.stdin.close()
        self.child.wait()
