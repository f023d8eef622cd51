"""Write the committed data of the local lm-eval tasks.

    python make_data.py BLIMP_JSONL BOOKS_TXT TOKENIZER_JSON

BLIMP_JSONL has good, bad and uid of each pair; BOOKS_TXT is public-domain prose, a paragraph a line. The choice is seeded, so
that the same inputs give the same files.
"""
import json
import random
import re
import sys
from collections import defaultdict
from pathlib import Path

from tokenizers import Tokenizer

PAIRS_A_PARADIGM = 5
DATA = Path(__file__).parent / 'data'
blimp_path, books_path, tokenizer_path = map(Path, sys.argv[1:4])
tokenizer = Tokenizer.from_file(str(tokenizer_path))
chance = random.Random(5)


def write(name: str, rows: list[dict]) -> None:
    (DATA / name).write_text(''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in rows))
    print(name, len(rows))


def tokens_of(text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def sentences_of(paragraph: str) -> list[str]:
    return re.split(r'(?<=[.!?]) (?=[A-Z])', paragraph)


pairs = defaultdict(list)
for line in blimp_path.read_text().splitlines():
    row = json.loads(line)
    pairs[row['uid']].append({key: row[key] for key in ['good', 'bad', 'uid']})
write('blimp-sample.jsonl', [row for rows in pairs.values() for row in rows[:PAIRS_A_PARADIGM]])

paragraphs = [line for line in books_path.read_text().splitlines() if 60 < len(line) < 700 and '"' not in line and '_' not in line]
chance.shuffle(paragraphs)

passages = [s for s in map(sentences_of, paragraphs) if len(s) >= 4 and all(20 < len(part) < 160 for part in s[:4])]
endings = [s[3] for s in passages]
choices = []
for passage in passages[:44]:
    options = [passage[3], *chance.sample([ending for ending in endings if ending != passage[3]], 3)]
    chance.shuffle(options)
    choices.append({'passage': ' '.join(passage[:3]), 'options': options, 'answer': options.index(passage[3])})
write('next-sentence.fewshot.jsonl', choices[:4])
write('next-sentence.jsonl', choices[4:])

last_words = []
for paragraph in paragraphs:
    found = re.fullmatch(r'(.{40,200}) ([a-z]{3,8})\.', sentences_of(paragraph)[0])
    if found and len(tokens_of(' ' + found[2])) == 1:
        last_words.append((found[1], found[2]))
words = sorted({word for _, word in last_words})
rows = []
for context, word in last_words[:40]:
    options = [word, *chance.sample([other for other in words if other != word], 3)]
    rows.append({'context': context, 'options': options, 'answer': 0})
write('last-word.jsonl', rows)

long = books_path.read_text().splitlines()
start = next(i for i, line in enumerate(long) if line == 'The Science of Deduction')
whole, part = [], ''
for line in long[start + 1:start + 60]:
    part += line + '\n'
    if len(tokens_of(part)) > 1600:
        break
rolling = [part.strip(), *paragraphs[-4:], 'Café, 10 € — 👩‍👩‍👧 and e\u0301!', 'A', paragraphs[-5] + ' ' * 3]
write('prose.jsonl', [{'text': text} for text in rolling])
