"""Figures beside their limits, as a table for people and as JSON for programs."""

import json
from dataclasses import dataclass, field

TESTS = {1: "image gap", 2: "prompt", 3: "blink", 4: "seeds", 5: "real", 6: "physics", 7: "the eye"}
MODEL, SIMULATOR = "model", "simulator"
# What each control lacks, and so the tests that must see it.
CONTROLS = {"no motion": (1, 2, 3, 4, 5), "training mean": (1, 2, 3, 4, 5), "average support": (1,)}
SYSTEMS = [MODEL, SIMULATOR, *CONTROLS]


@dataclass
class Figure:
    test: int
    what: str
    least: float = None
    most: float = None
    values: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)
    note: str = ""

    def holds(self, system):
        value = self.values.get(system)
        if value is None:
            return None
        # What cannot be measured (nan) has not been shown.
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def judges(self):
        return self.least is not None or self.most is not None

    def limit(self):
        parts = ([f"≥ {shown(self.least)}"] if self.least is not None else []) + (
            [f"≤ {shown(self.most)}"] if self.most is not None else []
        )
        return " and ".join(parts) or "shown only"


class Report:
    def __init__(self):
        self.figures, self.skipped, self.broken, self.about = {}, [], [], {}

    def add(self, test, what, system, value, least=None, most=None, count=None, note=""):
        figure = self.figures.setdefault((test, what), Figure(test, what, least, most))
        figure.values[system] = None if value is None else float(value)
        if count is not None:
            figure.counts[system] = int(count)
        figure.note = figure.note or note

    def skip(self, sentence):
        if sentence not in self.skipped:
            self.skipped.append(sentence)

    def breaks(self, sentence):
        """Something that should have been measured and was not."""
        self.broken.append(sentence)

    def of(self, test):
        return [figure for (number, _), figure in self.figures.items() if number == test]

    def missed(self, system=MODEL, test=None):
        return [
            f
            for f in self.figures.values()
            if f.judges() and f.holds(system) is False and test in (None, f.test)
        ]

    def measured(self, system, test):
        return any(f.judges() and f.holds(system) is not None for f in self.of(test))

    def passing_controls(self):
        """Controls that a test did not tell from the model though it must: (control, test)."""
        return [
            (control, test)
            for control, tests in CONTROLS.items()
            for test in tests
            if self.measured(control, test) and not self.missed(control, test)
        ]

    def ok(self):
        return (
            not self.broken
            and not self.missed()
            and not self.passing_controls()
            and any(f.holds(MODEL) is not None for f in self.figures.values())
        )

    def table(self):
        lines = []
        width = max([len(f.what) for f in self.figures.values()] or [10])
        head = f"{'':{width}}  " + "".join(f"{s:>16}" for s in SYSTEMS) + "   limit"
        for test, title in TESTS.items():
            figures = self.of(test)
            if not figures:
                continue
            lines += ["", f"{test} {title}", head]
            for f in figures:
                cells = "".join(f"{cell(f, s):>16}" for s in SYSTEMS)
                word = "  MISSED" if f.judges() and f.holds(MODEL) is False else ""
                lines.append(
                    f"{f.what:{width}}  {cells}   {f.limit()}{word}{'  (' + f.note + ')' if f.note else ''}"
                )
            for control, tests in CONTROLS.items():
                if test in tests and self.measured(control, test):
                    failed = self.missed(control, test)
                    said = (
                        "fails: " + "; ".join(f"{f.what} {shown(f.values[control])}" for f in failed[:4])
                        if failed
                        else "PASSES, and must not"
                    )
                    lines.append(f"  control {control} {said}")
        lines += ["", *[f"skipped: {s}" for s in self.skipped], *[f"BROKEN: {s}" for s in self.broken]]
        return "\n".join(lines)

    def summary(self):
        held = [f for f in self.figures.values() if f.judges() and f.holds(MODEL) is not None]
        missed, passing = self.missed(), self.passing_controls()
        tests = sorted({f.test for f in missed})
        said = f"quality: {len(held) - len(missed)} of {len(held)} thresholds held"
        said += (
            f", missed in test {', '.join(map(str, tests))} ({'; '.join(f.what + ' ' + shown(f.values[MODEL]) for f in missed)})"
            if missed
            else ""
        )
        judged = any(self.measured(control, test) for control, tests in CONTROLS.items() for test in tests)
        said += "; controls " + (
            "not judged"
            if not judged
            else (
                "all fail as they must"
                if not passing
                else "PASS: " + ", ".join(f"{c} in test {t}" for c, t in passing)
            )
        )
        said += f"; {len(self.skipped)} skipped" if self.skipped else ""
        said += f"; BROKEN: {'; '.join(self.broken)}" if self.broken else ""
        return said

    def json(self):
        plain = lambda v: None if v is None or v != v else round(v, 5)
        return json.dumps(
            dict(
                ok=self.ok(),
                about=self.about,
                skipped=self.skipped,
                broken=self.broken,
                summary=self.summary(),
                figures=[
                    dict(
                        test=f.test,
                        title=TESTS[f.test],
                        what=f.what,
                        at_least=f.least,
                        at_most=f.most,
                        note=f.note,
                        values={s: plain(v) for s, v in f.values.items()},
                        counts=f.counts,
                        held={s: f.holds(s) for s in f.values if f.judges()},
                    )
                    for f in self.figures.values()
                ],
                controls={
                    c: {str(t): [f.what for f in self.missed(c, t)] for t in tests if self.measured(c, t)}
                    for c, tests in CONTROLS.items()
                },
            )
        )

    def markdown(self):
        short = {s: s for s in SYSTEMS}
        lines = [
            "| test | what | limit | " + " | ".join(short[s] for s in SYSTEMS) + " |",
            "|---|---|---|" + "---|" * len(SYSTEMS),
        ]
        for f in sorted(self.figures.values(), key=lambda f: f.test):
            cells = [cell(f, s) for s in SYSTEMS]
            if f.judges() and f.holds(MODEL) is False:
                cells[0] = f"**{cells[0]}** missed"
            lines.append(f"| {f.test} {TESTS[f.test]} | {f.what} | {f.limit()} | " + " | ".join(cells) + " |")
        if self.skipped or self.broken:
            lines += ["", *[f"Skipped: {s}." for s in self.skipped], *[f"Broken: {s}." for s in self.broken]]
        return "\n".join(lines)


def cell(figure, system):
    value = figure.values.get(system)
    return "–" if value is None else shown(value)


def shown(value):
    if value is None:
        return "–"
    if value != value:
        return "not seen"
    size = abs(value)
    return (
        f"{value:.0f}"
        if size >= 100
        else f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.095 else f"{value:.3f}"
    )


BEGIN, END = "<!-- quality:begin -->", "<!-- quality:end -->"


def write_card(path, body):
    """Puts the figures between the two markers of the model card, or at its end."""
    text = path.read_text(encoding="utf-8")
    block = f"{BEGIN}\n{body}\n{END}"
    if BEGIN in text and END in text:
        before, rest = text.split(BEGIN, 1)
        text = before + block + rest.split(END, 1)[1]
    else:
        text = text.rstrip("\n") + f"\n\n## Quality\n\n{block}\n"
    path.write_text(text, encoding="utf-8")
