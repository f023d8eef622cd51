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
        return {'text': template.render(**{**given, **conversation['variables'], 'messages': conversation['messages']})}
    except Exception as error:  # whatever a template raises
        return {'error': str(error)}


def check(what, name, source, conversations, result, counts):
    if isinstance(result, dict):
        # A construct that jinja2 does not know either may be refused without a name.
        counts['refused when read'] += 1
        if what == 'templates' or result['kind'] != 'syntax':
            print(f'{name}: refused: {result["error"]}')
        return
    for index, (conversation, got) in enumerate(zip(conversations, result, strict=True)):
        kind, detail = compare(render(source, conversation), got)
        counts[kind] += 1
        # An error that names the construct is allowed in the small cases: they try everything with everything.
        if kind == 'SILENT' or (detail and (what == 'templates' or got['kind'] != 'unsupported')):
            counts['faults'] += 1
            print(f'{name} conversation {index}: {kind}: {detail[:600]}')


def main(folder, results_file):
    results = json.loads(pathlib.Path(results_file).read_text())
    counts = {'templates': collections.Counter(), 'cases': collections.Counter()}
    for entry in results['templates']:
        source = (pathlib.Path(folder) / entry['file']).read_text()
        check('templates', entry['file'], source, CONVERSATIONS, entry['result'], counts['templates'])
    for entry in results['cases']:
        check('cases', repr(entry['source']), entry['source'], CONVERSATIONS[:1], entry['result'], counts['cases'])
    print(f'transformers {transformers.__version__}')
    print(f'{len(results["templates"])} templates x {len(CONVERSATIONS)} conversations: {dict(counts["templates"])}')
    print(f'{len(results["cases"])} small cases: {dict(counts["cases"])}')
    if any(each['faults'] or not each['equal'] for each in counts.values()):
        sys.exit(1)


main(*sys.argv[1:])
