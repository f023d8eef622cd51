"""Compares conversations that logpr encodes with transformers' apply_chat_template: ids, text and mask.

check_conversations.py prepare TEMPLATES FOLDER      writes a tokenizer with the control tokens of all templates, and the requests
check_conversations.py compare TEMPLATES FOLDER FILE compares what print-conversations.js wrote, prints a table, and fails on one
                                                     difference that logpr does not report
"""
import collections
import datetime
import json
import pathlib
import re
import sys

import transformers
from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).parent
MODEL = HERE.parent.parent / 'models' / 'logpr-tiny-en'
FROZEN = datetime.datetime(2026, 2, 3, 14, 5, 6)
CONTROL = re.compile(r'<\|[\w .:/-]{1,40}\|>|<｜[^｜<>]{1,40}｜>|<(?:start|end)_of_turn>|<\|?turn\|?>|\[/?[A-Z_]{3,30}\]')
TEXT_TOKENS = ['<think>', '</think>', '<tool_call>', '</tool_call>', '<tool_response>', '</tool_response>']


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return FROZEN


chat_template_utils.datetime = Clock


def templates_of(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(pathlib.Path(folder).rglob('*.jinja'))}


def has_image(messages):
    return any(isinstance(message.get('content'), list) and any(part['type'] != 'text' for part in message['content']) for message in messages)


def requests_of():
    requests = json.loads((HERE / 'chat-requests.json').read_text())['pairs']
    for conversation in json.loads((HERE / 'conversations.json').read_text()):
        variables = dict(conversation['variables'])
        fields = {name: variables.pop(name) for name in ('tools', 'documents', 'add_generation_prompt', 'continue_final_message') if name in variables}
        # logpr rejects images, and its schema an empty conversation.
        if conversation['messages'] and not has_image(conversation['messages']):
            requests.append({'messages': conversation['messages'], **fields, 'chat_template_kwargs': variables})
    return requests


def prepare(templates, folder):
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    tokenizer = json.loads((MODEL / 'tokenizer.json').read_text())
    controls = sorted({token for source in templates_of(templates).values() for token in CONTROL.findall(source)} | {'<s>', '</s>'})
    first = max(token['id'] for token in tokenizer['added_tokens'])
    first = max(first, max(tokenizer['model']['vocab'].values())) + 1
    flags = {'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False}
    for index, content in enumerate([*controls, *TEXT_TOKENS]):
        tokenizer['added_tokens'].append({'id': first + index, 'content': content, **flags, 'special': content not in TEXT_TOKENS})
    (target / 'tokenizer.json').write_text(json.dumps(tokenizer))
    config = {'tokenizer_class': 'PreTrainedTokenizerFast', 'bos_token': '<s>', 'eos_token': '</s>', 'clean_up_tokenization_spaces': False}
    (target / 'tokenizer_config.json').write_text(json.dumps(config))
    # As texts, because JavaScript would lose whether a number is a float.
    (target / 'requests.json').write_text(json.dumps({'requests': [json.dumps(request) for request in requests_of()]}))
    print(f'{len(controls)} control tokens')


def expected(tokenizer, source, request):
    kwargs = dict(request)
    messages = kwargs.pop('messages')
    variables = kwargs.pop('chat_template_kwargs', {})
    kwargs = {'tokenize': True, 'return_dict': False, **kwargs, **variables, 'chat_template': source}
    if any(control in json.dumps(request) for control in ('<|im_', '<|eot', '"<s>"')):
        # transformers encodes the control tokens that a client spells as text only on request.
        return {'ids': tokenizer.apply_chat_template(messages, **kwargs, sanitize_control_tokens=True)}
    got = {'ids': tokenizer.apply_chat_template(messages, **kwargs)}
    if re.search(r'\{%-?\s*generation\s*-?%\}', source) and not request.get('continue_final_message'):
        got['mask'] = tokenizer.apply_chat_template(messages, **{**kwargs, 'return_dict': True}, return_assistant_tokens_mask=True)['assistant_masks']
    return got


def kind_of(tokenizer, source, request, got):
    try:
        want = expected(tokenizer, source, request)
    except Exception as error:  # whatever a template raises
        want = {'error': f'{type(error).__name__}: {error}'}
    if 'error' in got and 'error' in want:
        return 'both refuse', ''
    if 'error' in got:
        return 'only logpr refuses', got['error']
    if 'error' in want:
        return 'SILENT', f'transformers refuses: {want["error"][:300]}\n    logpr: {tokenizer.decode(got["ids"])!r}'
    if list(want['ids']) != got['ids']:
        return 'SILENT', f'ids\n    {tokenizer.decode(want["ids"])!r}\n    logpr {tokenizer.decode(got["ids"])!r}'
    if 'mask' in want and 'mask' in got and want['mask'] != got['mask']:
        return 'SILENT', f'mask {want["mask"]}\n    logpr {got["mask"]}'
    if 'mask' in got:
        return 'equal, with mask', ''
    return 'equal', ''


def compare(templates, folder, results):
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    requests = [json.loads(line) for line in json.loads((pathlib.Path(folder) / 'requests.json').read_text())['requests']]
    encoded = json.loads(pathlib.Path(results).read_text())
    totals = collections.Counter()
    kinds = ('equal', 'equal, with mask', 'both refuse', 'only logpr refuses', 'SILENT')
    print(f'{"template":58}' + ''.join(f'{kind:>20}' for kind in kinds))
    for name, source in templates_of(templates).items():
        counts = collections.Counter()
        for index, (request, got) in enumerate(zip(requests, encoded[name], strict=True)):
            kind, detail = kind_of(tokenizer, source, request, got)
            counts[kind] += 1
            if detail:
                print(f'{name} request {index}: {kind}: {detail[:1500]}')
        print(f'{name:58}' + ''.join(f'{counts[kind]:20}' for kind in kinds))
        totals += counts
    print(f'transformers {transformers.__version__}: {len(encoded)} templates x {len(requests)} requests: {dict(totals)}')
    if totals['SILENT'] or totals['only logpr refuses'] or not totals['equal, with mask']:
        sys.exit(1)


{'prepare': prepare, 'compare': compare}[sys.argv[1]](*sys.argv[2:])
