"""Gold entities of MRC files, and made-up data sets, independent of the programs under test."""

import json
import random
import re


def sentences(path):
    """Return {sentence id: (text, tokens, {(first token, end, start, end, label)})}, spans half-open, offsets in code points."""
    found = {}
    for row in json.load(open(path, encoding="utf-8")):
        text = row["context"]
        places = [m.span() for m in re.finditer(r"\S+", text)]
        name = row["qas_id"].rpartition(".")[0]
        _, _, spans = found.setdefault(name, (text, text.split(), set()))
        for first, last in zip(row["start_position"], row["end_position"]):
            spans.add((first, last + 1, places[first][0], places[last][1], row["entity_label"]))
    return found


def chars(spans):
    return {(start, end, label) for _, _, start, end, label in spans}


def interface(path):
    """Return the labelling interface that ner-collect printed for Label Studio."""
    with open(path, encoding="utf-8") as f:
        return re.search("<View>.*</View>", f.read(), re.DOTALL)[0]


def write_mrc(path, sentences, labels):
    """Write [(text, [(first token, end, label)])] as an MRC file."""
    rows = []
    for number, (text, spans) in enumerate(sentences):
        for n, label in enumerate(labels, 1):
            mine = [s for s in spans if s[2] == label]
            rows.append({
                "context": text, "entity_label": label, "qas_id": f"{number}.{n}",
                "start_position": [first for first, _, _ in mine], "end_position": [end - 1 for _, end, _ in mine]})
    with open(path, "w", encoding="utf-8") as out:
        json.dump(rows, out, ensure_ascii=False)


def apart(rng, length, labels):
    """Return random entities that don't overlap."""
    spans, at = [], rng.randrange(3)
    while at < length:
        end = min(at + rng.randint(1, 4), length)
        spans.append((at, end, rng.choice(labels)))
        at = end + rng.randrange(3)
    return spans


def single(a, b):
    """Tell whether no entity of a overlaps two of its label in b."""
    return all(sum(s[0] < t[1] and t[0] < s[1] and s[2] == t[2] for t in b) < 2 for s in a)


def write_random(gold, predicted, seed=1, count=200, labels=("PER", "LOC", "ORG"), pairs_only=False):
    """Write two MRC files of the same sentences: some entities are the same, some differ in label or place.

    With pairs_only, an entity overlaps at most one entity of its label in the other file.
    """
    rng = random.Random(seed)
    a, b = [], []
    while len(a) < count:
        length = rng.randint(1, 15)
        text = " ".join(rng.choice("Ada Bonn 🦊 e\u0301t\u00e9 東京 , . the".split()) for _ in range(length))
        spans = apart(rng, length, labels)
        mixed, end = [], 0
        for s in sorted(rng.sample(spans, rng.randint(0, len(spans))) + apart(rng, length, labels), key=lambda s: rng.random()):
            if all(s[1] <= t[0] or t[1] <= s[0] for t in mixed):
                mixed.append((*s[:2], rng.choice(labels)) if rng.random() < 0.2 else s)
        if pairs_only and not (single(spans, mixed) and single(mixed, spans)):
            continue
        a.append((text, spans))
        b.append((text, sorted(mixed)))
    write_mrc(gold, a, labels)
    write_mrc(predicted, b, labels)


# What is hard for readers: characters outside the BMP, of several code points, line ends of
# Windows, white space of other kinds, quotes, commas, formulas, two entities side by side.
OWN = [
    ("Ada Li saw 🦊🦊 in Zürich .", [(0, 2, "PER"), (3, 4, "MISC"), (5, 6, "LOC")]),
    ("👩\u200d👩\u200d👧 Cafe\u0301 , Nai\u0308ve\r\nBob  met\tEve", [(0, 1, "MISC"), (1, 4, "ORG"), (4, 5, "PER"), (6, 7, "PER")]),
    ('The\u00a0Bank of\u3000England said "No" , <b> !\r\n', [(0, 4, "ORG"), (5, 6, "MISC"), (7, 8, "MISC")]),
    ("東京 は 晴れ", []),
    ("=Ada -1 @home '+x \\ N/A null", [(0, 1, "PER"), (1, 2, "MISC"), (2, 3, "LOC"), (3, 4, "MISC"), (4, 5, "MISC"), (5, 6, "ORG"), (6, 7, "PER")]),
    ("Ada Bob Ed", [(0, 1, "PER"), (1, 2, "PER"), (2, 3, "LOC")]),
]


def write_own(path):
    write_mrc(path, OWN, ("PER", "LOC", "ORG", "MISC"))
