"""Pairs of texts (x, y) to score: random cuts of English prose, and some written to be awkward."""
import random

from tokenizers import Tokenizer

LONGEST_X = 80  # tokens at the cut; the texts, tokenised anew, may have one more
LONGEST_Y = 30

# One token or many, boundaries inside words, graphemes of several code points, white space that must survive.
AWKWARD = [
    ('', 'a'),
    ('', ' '),
    ('', '\n\n'),
    ('', 'The'),
    (' ', ' '),
    ('The cat sat on the', ' mat.'),
    ('The cat sat on the ', 'mat.'),
    ('The cat sat on the', 'mat.'),
    ('The cat sat on the  ', '  mat.'),
    ('unbeliev', 'able'),
    ('It cost $1', '2.50 in 1904'),
    ("She said she wouldn'", "t go."),
    ('Once upon a time', ' there was a king, and there was a queen,'),
    ('Once upon a time\n', '\nthere was a king.'),
    ('A line.\r\nAnother line.\r', '\nA third one.'),
    ('A line.\r\nAnother line.\r\n', 'A third one.\r\n'),
    ('name\tage\nAnna\t', '12\nBen\t9'),
    ('\t\t\tdeep', '\t\tdeeper'),
    ('trailing spaces      ', ' and more'),
    ('The family: \U0001F468\u200D\U0001F469\u200D\U0001F467', '\u200D\U0001F466 smiles.'),
    ('A wave \U0001F44B', '\U0001F3FD from afar'),
    ('The flag \U0001F1EB', '\U0001F1F7 flew.'),
    ('I love it \u2764', '\uFE0F!'),
    ('caf', 'e\u0301 au lait'),
    ('cafe', '\u0301 au lait'),
    ('cafe\u0301', ' caf\u00e9'),
    ('a\u0323\u0307', ' \u1ea1\u0307'),
    ('\u6771\u4eac', '\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002'),
    ('\u6211\u559c\u6b22', '\u8bfb\u4e66\u3002'),
    ('\uc548\ub155', '\ud558\uc138\uc694'),
    ('\u0645\u0631\u062d\u0628\u0627', ' \u0628\u0627\u0644\u0639\u0627\u0644\u0645'),
    ('\u05e9\u05dc\u05d5\u05dd', ' \u05e2\u05d5\u05dc\u05dd'),
    ('\u0928\u092e\u0938\u094d', '\u0924\u0947'),
    ('\u041f\u0440\u0438\u0432\u0435\u0442', ', \u043c\u0438\u0440!'),
    ('Stra\u00dfe', ' und \u00dcbermut'),
    ('\u201cWell,\u201d said he\u2014', '\u2018why not?\u2019'),
    ('no\u00a0break', '\u00a0space'),
    ('zero\u200bwidth', '\u200bspace'),
    ('\ufeffmark', ' after'),
    ('\u0000', '\u0001'),
    ('the end of <|endoftext|>', ' is <|endoftext|> text'),
    ('The end.<|endof', 'text|>'),
    ('the the the the the the the the', ' the'),
    ('qzxv jkwq', ' zzkx qvvj'),
    ('User: What is the capital of France?\n\nAssistant:', ' Paris'),
    ('if (a[i] != b[j]) {', ' return f(a, b); }'),
    ('https://www.example.org/a?b=c', '&d=%20#e'),
]


def random_pair(tokenizer: Tokenizer, sentences: list[str], rng: random.Random) -> tuple[str, str]:
    """x of 0 to 80 tokens and y of 1 to 30, y mostly what follows x in the prose and mostly beginning with a space."""

    def prose() -> list[int]:
        return tokenizer.encode(' '.join(rng.sample(sentences, 12))).ids

    def word_start(ids: list[int], position: int) -> int:
        while position < len(ids) - LONGEST_Y and not tokenizer.decode(ids[position:position + 1]).startswith(' '):
            position += 1
        return position

    ids, cut = prose(), rng.randint(0, LONGEST_X)
    source, start = (ids, cut) if rng.random() < 0.7 else (prose(), 0)
    if rng.random() < 0.85:
        start = word_start(source, start)
        if source is ids:
            cut = min(start, LONGEST_X)
            start = cut
    x, y = tokenizer.decode(ids[:cut]), tokenizer.decode(source[start:start + rng.randint(1, LONGEST_Y)])
    if y.startswith(' ') and len(y) > 1 and rng.random() < 0.08:
        return x + ' ', y[1:]
    return x, y


def make_pairs(tokenizer: Tokenizer, sentences: list[str], count: int, seed: int) -> list[tuple[str, str]]:
    """`count` different pairs, the awkward ones first."""
    rng = random.Random(seed)
    pairs = dict.fromkeys(AWKWARD)
    while len(pairs) < count:
        pairs[random_pair(tokenizer, sentences, rng)] = None
    return list(pairs)[:count]
