"""langextract's aligner: python align.py FILE, with a text and the strings to find in it.

As it is called by default, which also accepts similar and partial strings, and for exact strings only. Prints the shortest
of three CPU times.
"""

import json
import sys
import time

from langextract import data, resolver

with open(sys.argv[1]) as f:
    given = json.load(f)
for name, how in ("default", {}), ("exact", {"enable_fuzzy_alignment": False, "accept_match_lesser": False}):
    times = []
    for _ in range(3):
        extractions = [data.Extraction("entity", text) for text in given["entities"]]
        begin = time.process_time()
        groups = resolver.WordAligner().align_extractions([extractions], given["text"], **how)
        times.append(time.process_time() - begin)
    aligned = [e for group in groups for e in group if e.char_interval and e.char_interval.start_pos is not None]
    print(json.dumps({"name": name, "ms": round(min(times) * 1e3, 3), "found": len(aligned)}))
