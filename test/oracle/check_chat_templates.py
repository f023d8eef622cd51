"""Compares logpr's renderings of real chat templates with those of jinja2 as transformers configures it.

Arguments: the folder of the templates and the file that print-chat-templates.js wrote. Prints a table and fails on one
difference that logpr does not report.
"""
import collections
import datetime
import json
import pathlib
import sys

import transformers
from transformers.utils import chat_template_utils

FROZEN = datetime.datetime(2026, 2, 3, 14, 5, 6)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return FROZEN


chat_template_utils.datetime = Clock

# Chat templates read the messages as transformers hands them over, before its own aliases of reasoning fields.
CONVERSATIONS = json.loads((pathlib.Path(__file__).parent / 'conversations.json').read_text())


def compare(expected, got):
    """What happened to one rendering: (kind, what both sides say)."""
    if 'text' in got and 'text' in expected:
        return ('equal', '') if got['text'] == expected['text'] else ('SILENT', f'{expected["text"]!r}\n    logpr {got["text"]!r}')
    if 'text' in got:
        return 'SILENT', f'jinja2 raises {expected["error"]}\n    logpr {got["text"]!r}'
    if 'error' in expected:
        if got['kind'] == 'raised' and got['error'] != expected['error']:
            return 'SILENT', f'another message: {expected["error"]!r}\n    logpr {got["error"]!r}'
        return 'both refuse', ''
    return 'only logpr refuses', f'{got["kind"]}: {got["error"]}'


def render(source, conversation):
    given = {'tools': None, 'documents': None, 'add_generation_prompt': False, 'bos_token': '<s>', 'eos_token': '</s>'}
    try:
        template = chat_template_utils._compile_jinja_template(source)
        return {'text': template.render(**given, **{'messages': conversation['messages']}) if False else template.render(
            **{**given, **conversation['variables'], 'messages': conversation['messages']})}
    except Exception as error:  # whatever a template raises
        return {'error': str(error)}


def main(folder, results_file):
    counts = collections.Counter()
    templates = json.loads(pathlib.Path(results_file).read_text())
    for entry in templates:
        source = (pathlib.Path(folder) / entry['file']).read_text()
        if isinstance(entry['result'], dict):
            counts['templates refused when read'] += 1
            print(f'{entry["file"]}: refused: {entry["result"]["error"]}')
            continue
        for index, (conversation, got) in enumerate(zip(CONVERSATIONS, entry['result'], strict=True)):
            kind, detail = compare(render(source, conversation), got)
            counts[kind] += 1
            if detail:
                print(f'{entry["file"]} conversation {index}: {kind}: {detail[:600]}')
    print(f'transformers {transformers.__version__}: {len(templates)} templates x {len(CONVERSATIONS)} conversations: {dict(counts)}')
    if counts['SILENT'] or counts['only logpr refuses'] or not counts['equal']:
        sys.exit(1)


main(*sys.argv[1:])
